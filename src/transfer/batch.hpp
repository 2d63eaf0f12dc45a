#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "transfer/notes.hpp"

namespace maru::transfer {

/// Brings over some runs or logged models of one experiment. Threads: one; each has its own.
class BatchCarrier {
  public:
    BatchCarrier(std::unique_ptr<Source> source, std::unique_ptr<Sink> sink, const Options& options,
                 Notes& notes);
    ~BatchCarrier();

    void carry(std::vector<Run> runs, const std::string& experiment_id);
    void carry(std::vector<LoggedModel> models, const std::string& experiment_id);
    /// False, with a remark, for files that can't be read from here or are not wanted.
    bool can_carry_artifacts(const std::string& what, const std::string& uri);
    /// False if a file is missing then; `what` names the owner in remarks.
    bool carry_artifacts(const std::string& what, const std::string& uri,
                         const std::string& folder);

  private:
    struct Item {
        Run run;
        std::string mark;
        std::size_t pending = 0;  // points gathered in run.data.metrics
        bool artifacts = true;    // can be carried
        bool sent = false, created = false, failed = false;
        std::string folder;
    };
    /// Those that are not there whole.
    std::vector<Item> find_missing(std::vector<Run> runs);
    void carry_points(std::vector<Item>& items);
    void send_points(Item& item);
    void send(std::vector<Item*> items);
    void send_rest(std::vector<Item>& items);
    void finish(std::vector<Item>& items);

    std::unique_ptr<Source> source_;
    std::unique_ptr<Sink> sink_;
    const Options& options_;
    Notes& notes_;
    std::filesystem::path scratch_;
};

}  // namespace maru::transfer
