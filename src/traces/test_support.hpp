#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "traces/service.hpp"
#include "tracking/test_support.hpp"

namespace maru::traces {

/// A service beside a tracking service, over a database of its own.
struct TestBed {
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("maru-traces-" + new_id());
    ManualClock clock{from_ms(1'700'000'000'000)};
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<blob::BlobStore> blobs;
    std::unique_ptr<tracking::Service> tracking;
    std::unique_ptr<Service> service;
    std::string project = "0123456789abcdef0123456789abcdef";

    TestBed() {
        std::filesystem::create_directories(folder);
        std::vector<sql::Migration> all(tracking::migrations.begin(), tracking::migrations.end());
        all.insert(all.end(), migrations.begin(), migrations.end());
        database = sql::Database::open({.file = folder / "maru.db"}, all);
        blobs = blob::open_disk_store(folder / "blobs");
        tracking = std::make_unique<tracking::Service>(*database, *blobs, clock);
        service = std::make_unique<Service>(*database, *blobs, *tracking, clock);
    }
    ~TestBed() {
        service.reset();
        tracking.reset();
        database.reset();
        std::filesystem::remove_all(folder);
    }
    TestBed(const TestBed&) = delete;
    TestBed& operator=(const TestBed&) = delete;

    Trace start(const std::string& id, std::int64_t at_ms = 1000,
                std::map<std::string, std::string> tags = {},
                std::map<std::string, std::string> metadata = {}) {
        return service->start_trace(project, {.id = id,
                                              .experiment_id = "0",
                                              .state = TraceState::OK,
                                              .started_at = from_ms(at_ms),
                                              .duration_ms = 5,
                                              .tags = std::move(tags),
                                              .metadata = std::move(metadata)});
    }
    void log(std::vector<spans::Span> list, std::vector<spans::Attribute> resource = {},
             const std::string& experiment = "0") {
        std::vector<otlp::Source> sources(1);
        sources[0].attributes = std::move(resource);
        sources[0].spans = std::move(list);
        service->log_spans(project, experiment, std::move(sources));
    }
    std::vector<std::string> find(const std::string& filter,
                                  std::vector<std::string> order_by = {}) {
        std::vector<std::string> ids;
        for (const auto& trace :
             service->search(project, {"0"}, {.filter = filter, .order_by = std::move(order_by)})
                 .items)
            ids.push_back(trace.id);
        return ids;
    }
};

/// A span of the trace whose id is 32 times `trace`; times in milliseconds.
inline spans::Span span(char trace, const std::string& id, const std::string& parent_id = "",
                        std::int64_t start_ms = 1000, std::int64_t end_ms = 2000) {
    auto padded = [](const std::string& digits) {
        return digits.empty() ? digits : std::string(16 - digits.size(), '0') + digits;
    };
    return {.trace_id = std::string(32, trace),
            .id = padded(id),
            .parent_id = padded(parent_id),
            .name = "span " + id,
            .started_ns = start_ms * 1'000'000,
            .ended_ns = end_ms * 1'000'000,
            .status = SpanStatus::OK};
}

/// MLflow's id of that trace.
inline std::string trace_id(char trace) {
    return "tr-" + std::string(32, trace);
}

}  // namespace maru::traces
