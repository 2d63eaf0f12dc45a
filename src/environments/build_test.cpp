#include "environments/build.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"

namespace maru::environments {
namespace {

using testing::Contains;
using testing::Field;
using testing::Not;
using testing::Pair;

class Build : public testing::Test {
  protected:
    Build() : folder_(testing::TempDir() + "build-" + new_id()) {
        std::filesystem::create_directories(folder_);
    }
    ~Build() override { std::filesystem::remove_all(folder_); }

    BuildPlaces places() const {
        return {.uv_program = "/opt/tools/uv",
                .python = "/usr/bin/python3",
                .python_prefix = "/usr",
                .folder = folder_ / "environment",
                .cache = folder_ / "cache" / "3",
                .network_variables = {{"HTTPS_PROXY", "http://proxy:3128"}}};
    }

    std::filesystem::path folder_;
};

TEST_F(Build, SeesItsFolderAndItsProjectsCacheAndNoMore) {
    compute::Workload workload;
    workload.folder = folder_;
    compute::ReplicaSpec replica;
    prepare_build(workload, {.requirements = {"mlflow", "numpy>=2"}}, places(), replica);

    EXPECT_EQ(read_file(folder_ / "work/requirements.txt"), "mlflow\nnumpy>=2\n");
    std::vector<std::string> writable;
    for (const auto& mount : replica.mounts)
        if (mount.writable) writable.push_back(mount.target);
    EXPECT_THAT(writable, testing::UnorderedElementsAre((folder_ / "environment").string(),
                                                        (folder_ / "cache/3").string()));
    EXPECT_THAT(replica.mounts, Not(Contains(Field(&compute::Mount::target, "/usr"))));
    EXPECT_THAT(replica.variables, Contains(Pair("HTTPS_PROXY", "http://proxy:3128")));
    EXPECT_THAT(replica.variables, Contains(Pair("UV_CACHE_DIR", (folder_ / "cache/3").string())));
}

TEST_F(Build, AnInterpreterOutsideTheSystemIsMounted) {
    auto elsewhere = places();
    elsewhere.python_prefix = folder_;
    compute::ReplicaSpec replica;
    add_environment("/data/environments/builds/x", elsewhere, replica);
    EXPECT_THAT(replica.mounts, Contains(Field(&compute::Mount::target, folder_.string())));
}

TEST_F(Build, AJobFindsTheEnvironmentsProgramsFirst) {
    compute::ReplicaSpec replica;
    replica.variables["PATH"] = "/bin";
    add_environment("/data/environments/builds/x", places(), replica);
    EXPECT_EQ(replica.variables["PATH"], "/data/environments/builds/x/venv/bin:/bin");
    EXPECT_EQ(replica.variables["VIRTUAL_ENV"], "/data/environments/builds/x/venv");
    ASSERT_EQ(replica.mounts.size(), 1u);
    EXPECT_FALSE(replica.mounts[0].writable);
    EXPECT_EQ(replica.mounts[0].source, replica.mounts[0].target);
}

TEST_F(Build, FoldersOfPackagesAreSeenIfTheyAreThere) {
    auto with_links = places();
    with_links.network_variables["UV_FIND_LINKS"] =
        folder_.string() + " /not/there https://example.org/wheels";
    compute::Workload workload;
    workload.folder = folder_;
    compute::ReplicaSpec replica;
    prepare_build(workload, {}, with_links, replica);
    EXPECT_EQ(replica.variables["UV_FIND_LINKS"], folder_.string() + ",https://example.org/wheels");
    EXPECT_THAT(replica.mounts, Contains(Field(&compute::Mount::target, folder_.string())));
}

TEST_F(Build, WhatItLeftIsRead) {
    write_file_atomically(folder_ / "requirements.lock", "numpy==2.0\n");
    write_file_atomically(folder_ / "size_kib", "12\n");
    auto result = read_build_result(folder_);
    EXPECT_EQ(result.lock, "numpy==2.0\n");
    EXPECT_EQ(result.size_bytes, 12 << 10);
}

TEST_F(Build, WhatItPlantedIsNotFollowed) {
    write_file_atomically(folder_ / "secret", "root's\n");
    write_file_atomically(folder_ / "size_kib", "12\n");
    std::filesystem::create_symlink(folder_ / "secret", folder_ / "requirements.lock");
    EXPECT_THROW(read_build_result(folder_), Error);
    std::filesystem::create_symlink(folder_ / "secret", folder_ / "log");
    EXPECT_EQ(explain_failure(folder_, "exited with 1"), "exited with 1");
    std::filesystem::remove(folder_ / "log");
    ASSERT_EQ(mkfifo((folder_ / "log").c_str(), 0600), 0);
    EXPECT_EQ(explain_failure(folder_, "exited with 1"), "exited with 1");
}

TEST_F(Build, AFailureIsExplainedFromItsOutput) {
    write_file_atomically(folder_ / "log",
                          "resolving\nerror: No solution found\n  cause: no nosuch\n");
    EXPECT_EQ(explain_failure(folder_, "exited with 1"), "No solution found cause: no nosuch");
}

TEST(NetworkVariables, PipsCountWhereUvsAreNotSet) {
    auto taken = network_variables({{"PIP_INDEX_URL", "https://mirror/simple"},
                                    {"PIP_CERT", "/etc/ssl/own.pem"},
                                    {"SSL_CERT_FILE", "/etc/ssl/certs/all.pem"},
                                    {"UV_TOOL_DIR", "/elsewhere"},
                                    {"AWS_SECRET_ACCESS_KEY", "no"},
                                    {"https_proxy", "http://proxy"}});
    EXPECT_EQ(taken,
              (std::map<std::string, std::string>{{"SSL_CERT_FILE", "/etc/ssl/certs/all.pem"},
                                                  {"UV_DEFAULT_INDEX", "https://mirror/simple"},
                                                  {"https_proxy", "http://proxy"}}));
}

}  // namespace
}  // namespace maru::environments
