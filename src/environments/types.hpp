#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/reflection.hpp"
#include "base/time.hpp"

namespace maru::environments {

enum class EnvironmentState { building, ready, failed };
BOOST_DESCRIBE_ENUM(EnvironmentState, building, ready, failed)

/// A set of Python packages, resolved and installed once; known by the digest of what was asked
/// for.
struct Environment {
    std::string id;
    std::optional<std::string> name;  // the latest of its names
    std::int64_t version = 0;         // of that name; 0 without one
    std::string requirements;         // normalised, a line each
    std::string python;               // "3.11"
    EnvironmentState state = EnvironmentState::building;
    std::optional<std::string> error;  // why it failed, for people
    std::optional<std::string> lock;   // every package with its version
    std::int64_t size_bytes = 0;
    std::string build_job_id;  // the workload that built it last; its log is the build's log
    Time created_at{};
};
BOOST_DESCRIBE_STRUCT(Environment, (),
                      (id, name, version, requirements, python, state, error, lock, size_bytes,
                       build_job_id, created_at))

/// One file of a code snapshot.
struct CodeFile {
    std::string path;  // below the working directory, '/' separated
    std::string sha256;
    std::int64_t size_bytes = 0;
    bool executable = false;
    bool operator==(const CodeFile&) const = default;
};
BOOST_DESCRIBE_STRUCT(CodeFile, (), (path, sha256, size_bytes, executable))
MARU_REQUIRED(CodeFile, "path", "sha256", "size_bytes")

/// A directory of code as it was at one moment; known by the digest of its list of files.
struct CodeSnapshot {
    std::string id;
    std::int64_t file_count = 0;
    std::int64_t size_bytes = 0;
    Time created_at{};
};
BOOST_DESCRIBE_STRUCT(CodeSnapshot, (), (id, file_count, size_bytes, created_at))

struct StoredBlob {
    std::string sha256;
    std::int64_t size_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(StoredBlob, (), (sha256, size_bytes))

struct MissingBlobs {
    std::vector<std::string> missing;
};
BOOST_DESCRIBE_STRUCT(MissingBlobs, (), (missing))

}  // namespace maru::environments
