#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compute/service.hpp"
#include "sql/database.hpp"

/// The tables of compute: workloads, their replicas, events and usage. All functions run inside a
/// transaction that the caller opened.
namespace maru::compute::store {

/// Where a replica was placed.
struct Placed {
    std::string node;
    std::vector<std::string> gpu_ids;
};

/// A workload with where it is; `placed` is empty while it is queued.
struct Record {
    Workload workload;
    std::vector<Placed> placed;
};

void insert(sql::Connection& connection, const Record& record);
/// Writes all that can change.
void update(sql::Connection& connection, const Record& record);
/// Throws not_found.
Record get(sql::Connection& connection, std::string_view id);
/// Everything that has not ended, in the order of arrival.
std::vector<Record> active(sql::Connection& connection);

struct ListFilter {
    std::string project_id, state, kind, before_id;
    std::int64_t limit = 100;
};
std::vector<Job> list(sql::Connection& connection, const ListFilter& filter);

/// Those of a project that have not ended, at most `limit`, the oldest first.
std::vector<Job> active_in(sql::Connection& connection, std::string_view project_id,
                           std::int64_t limit);
/// The ids of those of a project that have ended, at most `limit`.
std::vector<std::string> ended_in(sql::Connection& connection, std::string_view project_id,
                                  std::int64_t limit);
std::set<std::string> all_ids(sql::Connection& connection);
/// Removes all rows of one that has ended; false if there is none.
bool remove_ended(sql::Connection& connection, std::string_view id);

/// The code snapshots that workloads were submitted with, ended ones too, since they can be
/// retried.
std::set<std::string> codes(sql::Connection& connection);

/// Appends an event and gives it its number.
void append_event(sql::Connection& connection, std::string_view project_id, Event& event);
struct ProjectEvent {
    std::string project_id;
    Event event;
};
/// Events after a number, of one workload, one project, or all (empty), the oldest first.
std::vector<ProjectEvent> events_after(sql::Connection& connection, std::int64_t number,
                                       std::string_view project_id, std::string_view workload_id,
                                       std::int64_t limit);
std::int64_t last_event_number(sql::Connection& connection);

void append_usage(sql::Connection& connection, std::string_view workload_id,
                  const UsageSample& sample);
std::vector<UsageSample> usage(sql::Connection& connection, std::string_view workload_id,
                               std::int64_t limit);

}  // namespace maru::compute::store
