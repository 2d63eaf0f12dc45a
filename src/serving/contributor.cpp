#include "serving/contributor.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace maru::serving {

namespace {

constexpr std::string_view kProgram = "/maru/bin/maru";
constexpr std::string_view kOnnxRuntime = "/maru/lib/libonnxruntime.so";
constexpr std::string_view kModel = "/maru/model";
constexpr std::string_view kSocket = "/run/maru/app.sock";

bool is_replica(const compute::Workload& workload) {
    return workload.job.kind == compute::WorkloadKind::endpoint_replica;
}

std::string variant_of(const compute::Workload& workload) {
    return from_json<ReplicaData>(workload.private_data.text).variant_id;
}

void link_files(const blob::BlobStore& blobs, const std::vector<ModelFile>& files,
                const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    for (const auto& file : files) {
        check_relative_path("model file", file.path);
        std::filesystem::create_directories((folder / file.path).parent_path());
        blobs.materialize(file.sha256, folder / file.path, false);
    }
}

}  // namespace

std::vector<std::string> replica_command(const store::Endpoint& endpoint,
                                         const store::Variant& variant) {
    auto cores = std::max<std::int64_t>(1, variant.resources.cpu_milli / 1000);
    std::vector<std::string> command{std::string(kProgram),
                                     "infer",
                                     "--model",
                                     std::string(kModel),
                                     "--name",
                                     endpoint.name,
                                     "--version",
                                     std::to_string(variant.version),
                                     "--socket",
                                     std::string(kSocket),
                                     "--threads",
                                     std::to_string(cores)};
    auto more = variant.environment
                    ? std::vector<std::string>{"--backend", "python", "--python", "python"}
                    : std::vector<std::string>{"--backend", "onnx", "--onnxruntime",
                                               std::string(kOnnxRuntime)};
    command.insert(command.end(), more.begin(), more.end());
    return command;
}

ReplicaContributor::ReplicaContributor(sql::Database& database, blob::BlobStore& blobs,
                                       Controller& controller, std::filesystem::path executable,
                                       std::filesystem::path onnxruntime)
    : database_(database),
      blobs_(blobs),
      controller_(controller),
      executable_(std::move(executable)),
      onnxruntime_(std::move(onnxruntime)) {}

void ReplicaContributor::created(sql::Connection& connection, compute::Workload& workload) {
    if (!is_replica(workload)) return;
    auto variant_id = variant_of(workload);
    if (!store::variant_to_run(connection, variant_id))
        fail(ErrorCode::aborted, "the endpoint was changed or deleted meanwhile");
    store::add_replica(connection, variant_id, workload.job.id);
}

void ReplicaContributor::prepare(const compute::Workload& workload, compute::ReplicaSpec& replica) {
    if (!is_replica(workload)) return;
    auto variant = database_.read([&](sql::Connection& connection) {
        return store::variant_to_run(connection, variant_of(workload));
    });
    if (!variant) fail(ErrorCode::aborted, "the endpoint was changed or deleted meanwhile");
    auto folder = workload.folder / "model";
    link_files(blobs_, variant->files, folder);
    replica.mounts.push_back({.source = folder, .target = std::string(kModel), .writable = false});
    replica.mounts.push_back(
        {.source = executable_, .target = std::string(kProgram), .writable = false});
    if (!variant->environment)
        replica.mounts.push_back(
            {.source = onnxruntime_, .target = std::string(kOnnxRuntime), .writable = false});
}

void ReplicaContributor::changed(sql::Connection& connection, const compute::Workload& workload,
                                 const compute::Event& event) {
    if (is_replica(workload) && compute::is_final(event.state))
        store::remove_replica(connection, workload.job.id);
}

void ReplicaContributor::committed(const compute::Workload& workload, const compute::Event& event) {
    if (is_replica(workload)) controller_.on_workload(workload, event);
}

}  // namespace maru::serving
