#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "blob/blob_store.hpp"

namespace maru::blob::s3 {

/// Knows who holds which objects, so that the collector removes none that is held or was during a
/// collection, while finding and removing take their time elsewhere: who wants an object that is
/// being removed waits until it is gone, and then does not find it. In memory; outlives the store.
/// Threads: any.
class Holds : public std::enable_shared_from_this<Holds> {
  public:
    /// Before one knows that the object is there.
    Hold hold(std::string_view sha256);

    /// Between its life's ends, what is held or gets held cannot be removed.
    class Collection {
      public:
        explicit Collection(Holds& all);
        ~Collection();
        Collection(const Collection&) = delete;
        Collection& operator=(const Collection&) = delete;
        bool is_held(std::string_view sha256) const;
        /// Calls `remove` unless the object is held; false then.
        template <class Remove>
        bool remove(std::string_view sha256, Remove&& remove) {
            if (!begin_removal(sha256)) return false;
            struct End {
                Holds& all;
                ~End() { all.end_removal(); }
            } end{all_};
            remove();
            return true;
        }

      private:
        bool begin_removal(std::string_view sha256);
        Holds& all_;
    };

  private:
    void end_removal();

    mutable std::mutex mutex_;
    std::condition_variable removed_;
    std::map<std::string, int, std::less<>> counts_;
    bool collecting_ = false;
    std::set<std::string, std::less<>> held_meanwhile_;
    std::string being_removed_;
};

}  // namespace maru::blob::s3
