#pragma once

#include "api/api.hpp"
#include "tracking/mlflow/protocol.hpp"
#include "tracking/service.hpp"
#include "tracking/uploads.hpp"

namespace maru::tracking::mlflow {

/// Registers the tracking half of MLflow's REST protocol (the registry's half is in
/// models/mlflow/). docs/mlflow-compatibility.md lists what is served.
void add_routes(api::Api& api, Service& service, Uploads& uploads);

// Parts of it, by topic.
void add_experiment_routes(api::Api& api, Service& service);
void add_run_routes(api::Api& api, Service& service);
void add_metric_routes(api::Api& api, Service& service);
void add_logged_model_routes(api::Api& api, Service& service);
void add_artifact_routes(api::Api& api, Service& service);
/// Files as MLflow's own pages read and send them.
void add_page_file_routes(api::Api& api, Service& service);
/// Artifacts in parts, and by URLs that need no token.
void add_upload_routes(api::Api& api, Service& service, Uploads& uploads);
void add_server_routes(api::Api& api);
/// What MLflow has and this server has not: 501 with a reason.
void add_unserved_routes(api::Api& api);

/// "ACTIVE_ONLY", "DELETED_ONLY", "ALL"; absent: ACTIVE_ONLY.
View view_of(const Message& message, std::string_view field);
void write_files(JsonWriter& writer, const std::vector<ArtifactEntry>& entries,
                 std::string_view folder);
void write_metric(JsonWriter& writer, std::string_view key, const MetricPoint& point,
                  std::string_view run_id = "");

}  // namespace maru::tracking::mlflow

namespace maru::tracking {

inline void add_mlflow_routes(api::Api& api, Service& service, Uploads& uploads) {
    mlflow::add_routes(api, service, uploads);
}

}  // namespace maru::tracking
