#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "transfer/sink.hpp"
#include "transfer/source.hpp"

namespace maru::transfer {

struct Options {
    std::vector<std::string> experiments;  // names; empty: all
    bool dry_run = false;
    bool artifacts = true;
    bool recheck = false;  // look into what is marked as whole
    int connections = 4;
};

/// How much of one kind was new, was there before, was there and has changed, or failed.
struct Counts {
    std::int64_t brought = 0, present = 0, updated = 0, failed = 0;
};
BOOST_DESCRIBE_STRUCT(Counts, (), (brought, present, updated, failed))

struct Remark {
    std::string what, why;
};
BOOST_DESCRIBE_STRUCT(Remark, (), (what, why))

struct Report {
    Counts experiments, runs, logged_models, registered_models, model_versions, artifacts;
    std::int64_t points = 0;  // sent
    std::int64_t bytes = 0;   // of artifacts, sent
    std::vector<Remark> skipped, failures;
    bool dry_run = false;
};
BOOST_DESCRIBE_STRUCT(Report, (),
                      (experiments, runs, logged_models, registered_models, model_versions,
                       artifacts, points, bytes, skipped, failures, dry_run))

/// Counts while the transfer goes on. Threads: any.
struct Progress {
    std::atomic<std::int64_t> runs{0}, runs_total{0}, points{0}, bytes{0};
};

/// Brings all of a source to a sink, several runs at a time. What fails is in the report, and
/// nothing that is whole is done again; only what makes going on pointless (no server, no
/// permission) is thrown.
Report transfer(Source& source, Sink& sink, const Options& options, Progress& progress);

}  // namespace maru::transfer
