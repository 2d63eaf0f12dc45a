#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "models/service.hpp"
#include "tracking/test_support.hpp"

namespace maru::models {

/// A registry beside a tracking service, in a folder of its own.
struct TestBed {
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("maru-models-" + new_id());
    ManualClock clock{from_ms(1'700'000'000'000)};
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<blob::BlobStore> blobs;
    std::unique_ptr<tracking::Service> tracking;
    std::unique_ptr<Service> service;
    std::map<std::string, identity::Role> roles;  // by the user's id
    std::string project = "0123456789abcdef0123456789abcdef";
    Author author{.project_id = project, .user_id = "1", .user = "ada"};

    TestBed() {
        std::filesystem::create_directories(folder);
        std::vector<sql::Migration> all(tracking::migrations.begin(), tracking::migrations.end());
        all.insert(all.end(), migrations.begin(), migrations.end());
        database = sql::Database::open({.file = folder / "maru.db"}, all);
        blobs = blob::open_disk_store(folder / "blobs");
        tracking = std::make_unique<tracking::Service>(*database, *blobs, clock);
        service = std::make_unique<Service>(
            *database, *blobs, *tracking, clock,
            [this](const std::string&, const std::string& user) -> std::optional<identity::Role> {
                auto role = roles.find(user);
                return role == roles.end() ? std::nullopt : std::optional(role->second);
            });
    }
    ~TestBed() {
        service.reset();
        tracking.reset();
        database.reset();
        std::filesystem::remove_all(folder);
    }
    TestBed(const TestBed&) = delete;
    TestBed& operator=(const TestBed&) = delete;

    void put(const std::string& path, const std::string& content) {
        tracking::TextBody body(content);
        tracking->write_artifact(project, path, body);
    }
    ModelVersion version(const std::string& model, const std::string& source) {
        clock.advance(std::chrono::seconds(1));
        return service->create_version(author, {.model = model, .source = source, .user = "ada"});
    }
};

}  // namespace maru::models
