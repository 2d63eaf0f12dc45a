#pragma once

#include <map>
#include <mutex>
#include <string>

#include "transfer/engine.hpp"

namespace maru::transfer {

/// What the threads of one transfer find out. Threads: any.
class Notes {
  public:
    explicit Notes(Progress& progress) : progress(progress) {}

    void count(Counts Report::* kind, std::int64_t Counts::* what, std::int64_t by = 1) {
        std::lock_guard lock(mutex_);
        (report_.*kind).*what += by;
    }
    void skip(std::string what, std::string why) {
        std::lock_guard lock(mutex_);
        report_.skipped.push_back({std::move(what), std::move(why)});
    }
    void fail(Counts Report::* kind, std::string what, std::string why) {
        std::lock_guard lock(mutex_);
        ++(report_.*kind).failed;
        report_.failures.push_back({std::move(what), std::move(why)});
    }
    /// Remembers where an owner of artifacts had them.
    void remember(const std::string& id, const std::string& artifact_uri) {
        std::lock_guard lock(mutex_);
        uris_[id] = artifact_uri;
    }
    /// After all threads have ended.
    const std::map<std::string, std::string>& uris() const { return uris_; }
    Report& report() { return report_; }

    Progress& progress;

  private:
    std::mutex mutex_;
    Report report_;                            // guarded by mutex_
    std::map<std::string, std::string> uris_;  // guarded by mutex_
};

/// True for errors after which nothing else can work either.
inline bool is_fatal(const Error& error) {
    return error.code() == ErrorCode::unavailable || error.code() == ErrorCode::unauthenticated ||
           error.code() == ErrorCode::permission_denied;
}

}  // namespace maru::transfer
