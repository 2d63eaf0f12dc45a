#pragma once

#include "api/operation.hpp"
#include "environments/types.hpp"

namespace maru::environments {

struct CreateEnvironment {
    std::string project;
    std::optional<std::string> name;
    std::string requirements;
};
BOOST_DESCRIBE_STRUCT(CreateEnvironment, (), (project, name, requirements))
MARU_REQUIRED(CreateEnvironment, "requirements")
inline constexpr api::Operation<CreateEnvironment, Environment> create_environment{
    .id = "environments.create",
    .method = api::Method::post,
    .path = "/projects/{project}/environments",
    .summary = "Build an environment from the lines of a requirements.txt, unless it is there",
    .permission = api::Permission::environments_write};

struct ListEnvironments {
    std::string project, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListEnvironments, (), (project, page_token, page_size))
inline constexpr api::Operation<ListEnvironments, api::Page<Environment>> list_environments{
    .id = "environments.list",
    .method = api::Method::get,
    .path = "/projects/{project}/environments",
    .summary = "List environments, the newest first",
    .permission = api::Permission::environments_read};

struct NameEnvironment {
    std::string project, environment;  // name or id
};
BOOST_DESCRIBE_STRUCT(NameEnvironment, (), (project, environment))
inline constexpr api::Operation<NameEnvironment, Environment> get_environment{
    .id = "environments.get",
    .method = api::Method::get,
    .path = "/projects/{project}/environments/{environment}",
    .summary = "Show one environment, by name or id",
    .permission = api::Permission::environments_read};
inline constexpr api::Operation<NameEnvironment, api::Nothing> delete_environment{
    .id = "environments.delete",
    .method = api::Method::delete_,
    .path = "/projects/{project}/environments/{environment}",
    .summary = "Delete an environment that nothing uses, with all of its names",
    .permission = api::Permission::environments_write};

struct FindMissingBlobs {
    std::string project;
    std::vector<std::string> digests;
};
BOOST_DESCRIBE_STRUCT(FindMissingBlobs, (), (project, digests))
MARU_REQUIRED(FindMissingBlobs, "digests")
inline constexpr api::Operation<FindMissingBlobs, MissingBlobs> find_missing_blobs{
    .id = "blobs.missing",
    .method = api::Method::post,
    .path = "/projects/{project}/blobs/missing",
    .summary = "Say which of these SHA-256 digests the project has yet to upload",
    .permission = api::Permission::code_write,
    .audited = false};

struct PutBlob {
    std::string project, sha256;
};
BOOST_DESCRIBE_STRUCT(PutBlob, (), (project, sha256))
inline constexpr api::Operation<PutBlob, StoredBlob> put_blob{
    .id = "blobs.put",
    .method = api::Method::put,
    .path = "/projects/{project}/blobs/{sha256}",
    .summary = "Upload the bytes with this SHA-256 digest",
    .permission = api::Permission::code_write,
    .body = api::BodyKind::bytes,
    .audited = false};

struct CreateCodeSnapshot {
    std::string project;
    std::vector<CodeFile> files;
};
BOOST_DESCRIBE_STRUCT(CreateCodeSnapshot, (), (project, files))
MARU_REQUIRED(CreateCodeSnapshot, "files")
inline constexpr api::Operation<CreateCodeSnapshot, CodeSnapshot> create_code_snapshot{
    .id = "code_snapshots.create",
    .method = api::Method::post,
    .path = "/projects/{project}/code-snapshots",
    .summary = "Keep a directory of uploaded files as code for jobs",
    .permission = api::Permission::code_write,
    .audited = false};

struct NameCodeSnapshot {
    std::string project, id;
};
BOOST_DESCRIBE_STRUCT(NameCodeSnapshot, (), (project, id))
inline constexpr api::Operation<NameCodeSnapshot, CodeSnapshot> get_code_snapshot{
    .id = "code_snapshots.get",
    .method = api::Method::get,
    .path = "/projects/{project}/code-snapshots/{id}",
    .summary = "Show one code snapshot",
    .permission = api::Permission::jobs_read};

struct ListCodeFiles {
    std::string project, id, page_token;
    std::int64_t page_size = 0;
};
BOOST_DESCRIBE_STRUCT(ListCodeFiles, (), (project, id, page_token, page_size))
inline constexpr api::Operation<ListCodeFiles, api::Page<CodeFile>> list_code_files{
    .id = "code_snapshots.files",
    .method = api::Method::get,
    .path = "/projects/{project}/code-snapshots/{id}/files",
    .summary = "List the files of a code snapshot by path",
    .permission = api::Permission::jobs_read};

struct NameCodeFile {
    std::string project, id, path;
};
BOOST_DESCRIBE_STRUCT(NameCodeFile, (), (project, id, path))
MARU_REQUIRED(NameCodeFile, "path")
inline constexpr api::Operation<NameCodeFile, api::Raw> read_code_file{
    .id = "code_snapshots.content",
    .method = api::Method::get,
    .path = "/projects/{project}/code-snapshots/{id}/content",
    .summary = "Read one file of a code snapshot",
    .permission = api::Permission::jobs_read,
    .media_type = "application/octet-stream"};

}  // namespace maru::environments
