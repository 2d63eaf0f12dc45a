#include "environments/service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"
#include "compute/engines/fake/fake_engine.hpp"

namespace maru::environments {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// One server's life over a machine and a data directory that outlive it.
struct Server {
    Server(const std::filesystem::path& folder, compute::FakeEngine& engine)
        : migrations([] {
              std::vector<sql::Migration> all(compute::migrations.begin(),
                                              compute::migrations.end());
              all.insert(all.end(), environments::migrations.begin(),
                         environments::migrations.end());
              return all;
          }()),
          database(sql::Database::open({.file = folder / "maru.db"}, migrations)),
          blobs(blob::open_disk_store(folder / "blobs")),
          compute(*database, engine, clock, {.data_directory = folder}),
          service(*database, *blobs, compute, clock,
                  {.data_directory = folder,
                   .uv_program = "/usr/bin/env",
                   .cache_directory = {},
                   .network_variables = {}}) {
        compute.add_contributor(service.contributor());
        compute.start();
    }
    ~Server() { compute.stop(); }

    std::vector<sql::Migration> migrations;
    SystemClock clock;
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<blob::BlobStore> blobs;
    compute::Service compute;
    Service service;
};

class Environments : public testing::Test {
  protected:
    Environments()
        : folder_(testing::TempDir() + "environments-" + new_id()),
          engine_({{.name = "node", .cpu_milli = 8000, .memory_mib = 16384, .gpus = {}}}) {
        std::filesystem::create_directories(folder_);
        start();
    }
    ~Environments() override {
        stop();
        std::filesystem::remove_all(folder_);
    }

    void start() { server_ = std::make_unique<Server>(folder_, engine_); }
    void stop() {
        engine_.forget_listener();
        server_.reset();
    }
    Service& service() { return server_->service; }

    /// Asks again until there is an answer: what the dispatcher does, it does on threads of its
    /// own.
    template <class F>
    auto eventually(const std::string& what, F&& ask) {
        for (int i = 0; i < 4000; ++i) {
            if (auto answer = ask()) return *answer;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        throw std::runtime_error("it did not come to this: " + what);
    }
    /// The attempt that the dispatcher has launched.
    std::string launched(const std::string& workload_id) {
        return eventually("launch of " + workload_id, [&]() -> std::optional<std::string> {
            for (const auto& spec : engine_.launched())
                if (spec.workload_id == workload_id) return spec.attempt_id;
            return std::nullopt;
        });
    }
    compute::Job ended(const std::string& workload_id) {
        return eventually("end of " + workload_id, [&]() -> std::optional<compute::Job> {
            auto job = server_->compute.get(project_.id, workload_id).job;
            return compute::is_final(job.state) ? std::optional(job) : std::nullopt;
        });
    }
    compute::ReplicaSpec spec_of(const std::string& attempt_id) {
        for (const auto& spec : engine_.launched())
            if (spec.attempt_id == attempt_id) return spec;
        throw std::runtime_error("no launch of " + attempt_id);
    }
    std::filesystem::path build_folder(const std::string& attempt_id) {
        return spec_of(attempt_id).variables.at("MARU_BUILD_FOLDER");
    }
    Environment wait(const std::string& id, EnvironmentState state) {
        return eventually(fmt::format("environment {} {}", id, enum_name(state)),
                          [&]() -> std::optional<Environment> {
                              auto environment = service().get(project_, id);
                              return environment.state == state ? std::optional(environment)
                                                                : std::nullopt;
                          });
    }
    void succeed(const Environment& environment) {
        auto attempt = launched(environment.build_job_id);
        engine_.begin(attempt);
        write_file_atomically(build_folder(attempt) / "requirements.lock", "numpy==2.4.6\n");
        write_file_atomically(build_folder(attempt) / "size_kib", "1024\n");
        engine_.end(attempt, 0, 0);
    }
    Environment ready(const std::string& requirements,
                      const std::optional<std::string>& name = std::nullopt) {
        auto environment = service().ensure(project_, "ann", name, requirements);
        succeed(environment);
        return wait(environment.id, EnvironmentState::ready);
    }
    compute::Submission job(const std::string& environment) {
        compute::Submission submission;
        submission.project = project_;
        submission.user = "ann";
        submission.name = "job";
        submission.command = {"python", "train.py"};
        submission.environment = environment;
        return submission;
    }
    template <class F>
    Error error_of(F&& call) {
        try {
            call();
        } catch (const Error& error) {
            return error;
        }
        return {ErrorCode::unknown, "no error"};
    }
    std::string upload(std::string_view bytes) {
        net::Request request;
        request.body = bytes;
        return service().put_blob(project_, sha256_hex(bytes), request).sha256;
    }

    api::ProjectRef project_{.id = new_id(), .number = 3, .name = "vision"};
    api::ProjectRef other_{.id = new_id(), .number = 4, .name = "speech"};
    std::filesystem::path folder_;
    compute::FakeEngine engine_;
    std::unique_ptr<Server> server_;
};

TEST_F(Environments, IsBuiltOnceForWhatIsTheSame) {
    auto first = service().ensure(project_, "ann", "digits", "numpy\n");
    EXPECT_EQ(first.state, EnvironmentState::building);
    EXPECT_EQ(first.version, 1);
    auto again = service().ensure(project_, "bob", std::nullopt, "# same\nNumPy\n");
    EXPECT_EQ(again.id, first.id);
    EXPECT_EQ(again.build_job_id, first.build_job_id);
    succeed(first);
    auto done = wait("digits", EnvironmentState::ready);
    EXPECT_EQ(done.lock, "numpy==2.4.6\n");
    EXPECT_EQ(done.size_bytes, 1 << 20);
    EXPECT_EQ(service().ensure(project_, "ann", "digits", "numpy").version, 1);
}

TEST_F(Environments, ManyWhoAskAtOnceGetOneBuild) {
    std::vector<std::future<Environment>> answers;
    for (int i = 0; i < 8; ++i)
        answers.push_back(std::async(std::launch::async, [&] {
            return service().ensure(project_, "ann", "digits", "numpy\n");
        }));
    std::set<std::string> builds;
    for (auto& answer : answers) builds.insert(answer.get().build_job_id);
    EXPECT_EQ(builds.size(), 1u);
}

TEST_F(Environments, ANameMovesOnToItsNextVersion) {
    auto first = service().ensure(project_, "ann", "digits", "numpy");
    auto second = service().ensure(project_, "ann", "digits", "numpy\npandas");
    EXPECT_NE(first.id, second.id);
    EXPECT_EQ(second.version, 2);
    EXPECT_EQ(service().get(project_, "digits").id, second.id);
    EXPECT_EQ(service().get(project_, first.id).version, 1);
    auto page = service().list(project_, {.page_size = 1});
    ASSERT_EQ(page.items.size(), 1u);
    ASSERT_TRUE(page.next_page_token);
    auto rest = service().list(project_, {.page_token = *page.next_page_token, .page_size = 1});
    ASSERT_EQ(rest.items.size(), 1u);
    EXPECT_NE(rest.items[0].id, page.items[0].id);
    EXPECT_FALSE(rest.next_page_token);
}

TEST_F(Environments, ProjectsShareNeitherEnvironmentsNorCaches) {
    auto ours = service().ensure(project_, "ann", "digits", "numpy");
    EXPECT_EQ(error_of([&] { service().get(other_, "digits"); }).code(), ErrorCode::not_found);
    EXPECT_EQ(error_of([&] { service().get(other_, ours.id); }).code(), ErrorCode::not_found);
    auto theirs = service().ensure(other_, "bob", "digits", "numpy");
    EXPECT_NE(ours.id, theirs.id);
    auto a = spec_of(launched(ours.build_job_id)), b = spec_of(launched(theirs.build_job_id));
    EXPECT_NE(a.variables.at("UV_CACHE_DIR"), b.variables.at("UV_CACHE_DIR"));
    EXPECT_NE(a.user_number, b.user_number);
}

TEST_F(Environments, AJobWaitsForItsEnvironmentAndFindsItFirst) {
    auto environment = service().ensure(project_, "ann", "digits", "numpy");
    auto workload = server_->compute.submit(job("digits"));
    EXPECT_EQ(workload.job.environment, environment.id);
    launched(environment.build_job_id);
    eventually("the job says what it waits for", [&]() -> std::optional<bool> {
        auto reason = server_->compute.why(project_.id, workload.job.id).reason;
        if (reason.find("environment digits is being built") == std::string::npos)
            return std::nullopt;
        return true;
    });
    succeed(environment);
    auto spec = spec_of(launched(workload.job.id));
    EXPECT_THAT(spec.variables.at("PATH"), HasSubstr("/venv/bin:"));
    EXPECT_EQ(spec.mounts.back().writable, false);
    engine_.end(spec.attempt_id, 0, 0);
}

TEST_F(Environments, AFailedBuildFailsWhatWaitsForItAndCanBeTriedAgain) {
    auto environment = service().ensure(project_, "ann", "digits", "nosuch");
    auto workload = server_->compute.submit(job("digits"));
    auto attempt = launched(environment.build_job_id);
    engine_.begin(attempt);
    write_file_atomically(build_folder(attempt) / "log", "error: nosuch was not found\n");
    engine_.end(attempt, 0, 1);
    auto failed = wait("digits", EnvironmentState::failed);
    EXPECT_EQ(failed.error, "nosuch was not found");
    auto job_ended = ended(workload.job.id);
    EXPECT_EQ(job_ended.state, compute::WorkloadState::failed);
    EXPECT_THAT(job_ended.reason, HasSubstr("nosuch was not found"));
    EXPECT_THAT(error_of([&] { server_->compute.submit(job("digits")); }).message(),
                HasSubstr("environment digits failed to build: nosuch was not found"));

    auto again = service().ensure(project_, "ann", "digits", "nosuch");
    EXPECT_EQ(again.id, environment.id);
    EXPECT_EQ(again.state, EnvironmentState::building);
    EXPECT_NE(again.build_job_id, environment.build_job_id);
    EXPECT_FALSE(std::filesystem::exists(build_folder(attempt)));
    succeed(again);
    wait("digits", EnvironmentState::ready);
}

TEST_F(Environments, ABuildThatEndsWhileTheServerIsGoneCounts) {
    auto environment = service().ensure(project_, "ann", "digits", "numpy");
    auto attempt = launched(environment.build_job_id);
    engine_.begin(attempt);
    auto folder = build_folder(attempt);
    stop();
    write_file_atomically(folder / "requirements.lock", "numpy==2.4.6\n");
    write_file_atomically(folder / "size_kib", "1\n");
    engine_.end(attempt, 0, 0);
    start();
    wait("digits", EnvironmentState::ready);
    EXPECT_TRUE(std::filesystem::exists(folder));
    auto builds = std::ranges::count_if(engine_.launched(), [&](const auto& spec) {
        return spec.workload_id == environment.build_job_id;
    });
    EXPECT_EQ(builds, 1);
}

TEST_F(Environments, FoldersThatNoEnvironmentHasAreRemovedAtStart) {
    auto environment = ready("numpy", "digits");
    auto kept = build_folder(launched(environment.build_job_id));
    auto orphan = kept.parent_path() / new_id();
    stop();
    std::filesystem::create_directories(orphan / "venv");
    start();
    eventually("the folder is removed", [&]() -> std::optional<bool> {
        return std::filesystem::exists(orphan) ? std::nullopt : std::optional(true);
    });
    EXPECT_TRUE(std::filesystem::exists(kept));
}

TEST_F(Environments, IsDeletedOnlyWhenNothingUsesIt) {
    auto environment = service().ensure(project_, "ann", "digits", "numpy");
    EXPECT_THAT(error_of([&] { service().remove(project_, "digits"); }).message(),
                HasSubstr("is being built by workload " + environment.build_job_id));
    succeed(environment);
    wait("digits", EnvironmentState::ready);
    auto folder = build_folder(launched(environment.build_job_id));
    auto workload = server_->compute.submit(job("digits"));
    auto attempt = launched(workload.job.id);
    engine_.begin(attempt);
    EXPECT_THAT(error_of([&] { service().remove(project_, "digits"); }).message(),
                HasSubstr("in use by workload " + workload.job.id));
    engine_.end(attempt, 0, 0);
    ended(workload.job.id);
    service().remove(project_, "digits");
    EXPECT_EQ(error_of([&] { service().get(project_, environment.id); }).code(),
              ErrorCode::not_found);
    EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(Environments, AJobNamesAnEnvironmentAndCodeThatExist) {
    EXPECT_THAT(error_of([&] { server_->compute.submit(job("nosuch")); }).message(),
                HasSubstr("environment \"nosuch\" does not exist"));
    auto submission = job("nosuch");
    submission.environment.reset();
    submission.code = std::string(64, 'a');
    EXPECT_EQ(error_of([&] { server_->compute.submit(submission); }).code(), ErrorCode::not_found);
}

TEST_F(Environments, CodeIsUploadedOnceAndWrittenForTheJob) {
    auto digest = sha256_hex("print(1)\n");
    EXPECT_THAT(service().missing_blobs(project_, {.digests = {digest, digest}}).missing,
                ElementsAre(digest));
    CreateCodeSnapshot request{
        .files = {{.path = "src/train.py", .sha256 = digest, .size_bytes = 9, .executable = true}}};
    EXPECT_THAT(error_of([&] { service().create_code_snapshot(project_, request); }).message(),
                HasSubstr("\"src/train.py\" has not been uploaded"));
    upload("print(1)\n");
    EXPECT_THAT(service().missing_blobs(project_, {.digests = {digest}}).missing, ElementsAre());
    auto snapshot = service().create_code_snapshot(project_, request);
    EXPECT_EQ(service().create_code_snapshot(project_, request).id, snapshot.id);
    auto files = service().list_code_files(project_, {.id = snapshot.id});
    EXPECT_EQ(files.items, request.files);

    auto submission = job("");
    submission.environment.reset();
    submission.code = snapshot.id;
    auto workload = server_->compute.submit(submission);
    auto attempt = launched(workload.job.id);
    auto work = std::filesystem::path(spec_of(attempt).mounts.at(0).source);
    EXPECT_EQ(read_file(work / "src/train.py"), "print(1)\n");
    engine_.end(attempt, 0, 0);
}

TEST_F(Environments, WhatAnotherProjectUploadedIsNotToldAndNotGiven) {
    auto digest = upload("secret\n");
    EXPECT_THAT(service().missing_blobs(other_, {.digests = {digest}}).missing,
                ElementsAre(digest));
    CreateCodeSnapshot request{
        .files = {{.path = "a", .sha256 = digest, .size_bytes = 7, .executable = false}}};
    EXPECT_EQ(error_of([&] { service().create_code_snapshot(other_, request); }).code(),
              ErrorCode::failed_precondition);
}

TEST_F(Environments, BytesThatAreNotTheDigestsAreRefused) {
    net::Request request;
    request.body = "other";
    auto error = error_of([&] { service().put_blob(project_, sha256_hex("this"), request); });
    EXPECT_EQ(error.code(), ErrorCode::data_loss);
    EXPECT_THAT(service().missing_blobs(project_, {.digests = {sha256_hex("other")}}).missing,
                ElementsAre(sha256_hex("other")));
}

TEST_F(Environments, FilePagesGoOnWhereTheLastEnded) {
    auto digest = upload("");
    CreateCodeSnapshot request;
    for (const char* path : {"c", "a", "b"})
        request.files.push_back(
            {.path = path, .sha256 = digest, .size_bytes = 0, .executable = false});
    auto snapshot = service().create_code_snapshot(project_, request);
    auto first = service().list_code_files(project_, {.id = snapshot.id, .page_size = 2});
    ASSERT_EQ(first.items.size(), 2u);
    EXPECT_EQ(first.items[1].path, "b");
    auto rest = service().list_code_files(
        project_, {.id = snapshot.id, .page_token = first.next_page_token.value(), .page_size = 2});
    ASSERT_EQ(rest.items.size(), 1u);
    EXPECT_EQ(rest.items[0].path, "c");
    EXPECT_FALSE(rest.next_page_token);
}

}  // namespace
}  // namespace maru::environments
