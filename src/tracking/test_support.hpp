#pragma once

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "tracking/service.hpp"
#include "tracking/uploads.hpp"

namespace maru::tracking {

/// A service over a database and blobs of its own, in a folder that goes with it.
struct TestBed {
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("maru-tracking-" + new_id());
    ManualClock clock{from_ms(1'700'000'000'000)};
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<blob::BlobStore> blobs;
    std::unique_ptr<Service> service;
    std::string project = "0123456789abcdef0123456789abcdef";

    TestBed() {
        std::filesystem::create_directories(folder);
        open();
    }
    ~TestBed() {
        service.reset();
        database.reset();
        std::filesystem::remove_all(folder);
    }
    TestBed(const TestBed&) = delete;
    TestBed& operator=(const TestBed&) = delete;

    void open() {
        service.reset();
        database.reset();
        std::vector<sql::Migration> all(migrations.begin(), migrations.end());
        all.insert(all.end(), upload_migrations.begin(), upload_migrations.end());
        database = sql::Database::open({.file = folder / "maru.db"}, all);
        blobs = blob::open_disk_store(folder / "blobs");
        service = std::make_unique<Service>(*database, *blobs, clock);
    }

    /// A run in Default that starts a second after the one before.
    Run run(std::map<std::string, std::string> parameters = {},
            std::map<std::string, std::string> tags = {}) {
        clock.advance(std::chrono::seconds(1));
        return service->create_run(project, {.experiment_id = "0",
                                             .name = "",
                                             .user = "ada",
                                             .parameters = std::move(parameters),
                                             .tags = std::move(tags)});
    }
    void log_metric(const std::string& run_id, const std::string& key, double value,
                    std::int64_t step = 0, std::int64_t at_ms = 1000) {
        service->log(project, run_id,
                     {.metrics = {{.key = key, .value = value, .at_ms = at_ms, .step = step}},
                      .parameters = {},
                      .tags = {}});
    }
    std::vector<std::string> find(const std::string& filter,
                                  std::vector<std::string> order_by = {}) {
        std::vector<std::string> ids;
        for (const auto& found :
             service
                 ->search_runs(project, {"0"}, {.filter = filter, .order_by = std::move(order_by)})
                 .items)
            ids.push_back(found.id);
        return ids;
    }
};

/// The bytes of a text as a request's body, in pieces.
class TextBody final : public net::BodyReader {
  public:
    explicit TextBody(std::string text, std::size_t piece = 7)
        : text_(std::move(text)), piece_(piece) {}
    std::string read() override {
        std::string piece = text_.substr(at_, piece_);
        at_ += piece.size();
        return piece;
    }
    std::optional<std::int64_t> content_length() const override {
        return static_cast<std::int64_t>(text_.size());
    }

  private:
    std::string text_;
    std::size_t piece_, at_ = 0;
};

/// The code and message of what `call` throws; fails the test's expectations with ("", "") if
/// nothing.
template <class Call>
std::pair<std::string, std::string> error_of(Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        return {std::string(to_string(error.code())), error.message()};
    }
    return {};
}

}  // namespace maru::tracking
