#include "tracking/search/filter.hpp"

namespace maru::tracking::search {

const Grammar& runs_grammar() {
    static const Grammar grammar{
        .attributes = {{"run_id", {.canonical = "run_id", .lists = true}},
                       {"run_name", {.canonical = "run_name"}},
                       {"run name", {.canonical = "run_name"}},
                       {"Run name", {.canonical = "run_name"}},
                       {"Run Name", {.canonical = "run_name"}},
                       {"user_id", {.canonical = "user_id"}},
                       {"status", {.canonical = "status"}},
                       {"artifact_uri", {.canonical = "artifact_uri"}},
                       {"experiment_id", {.canonical = "experiment_id"}},
                       {"job_id", {.canonical = "job_id"}},
                       {"start_time", {.canonical = "start_time", .numeric = true}},
                       {"created", {.canonical = "start_time", .numeric = true}},
                       {"Created", {.canonical = "start_time", .numeric = true}},
                       {"end_time", {.canonical = "end_time", .numeric = true}}},
        .metrics = true,
        .parameters = true,
        .tags = true,
        .datasets = true,
        .tags_null = true};
    return grammar;
}

const Grammar& experiments_grammar() {
    static const Grammar grammar{
        .attributes = {{"name", {.canonical = "name"}},
                       {"experiment_id", {.canonical = "experiment_id", .lists = true}},
                       {"creation_time", {.canonical = "creation_time", .numeric = true}},
                       {"last_update_time", {.canonical = "last_update_time", .numeric = true}}},
        .tags = true,
        .tags_null = true};
    return grammar;
}

const Grammar& logged_models_grammar() {
    static const Grammar grammar{
        .attributes = {{"name", {.canonical = "name", .lists = true}},
                       {"model_id", {.canonical = "model_id", .lists = true}},
                       {"model_type", {.canonical = "model_type", .lists = true}},
                       {"status", {.canonical = "status", .lists = true}},
                       {"source_run_id", {.canonical = "source_run_id", .lists = true}},
                       {"experiment_id", {.canonical = "experiment_id", .lists = true}},
                       {"creation_time", {.canonical = "creation_time", .numeric = true}},
                       {"creation_timestamp", {.canonical = "creation_time", .numeric = true}},
                       {"creation_timestamp_ms", {.canonical = "creation_time", .numeric = true}},
                       {"last_updated_time", {.canonical = "last_updated_time", .numeric = true}},
                       {"last_updated_timestamp",
                        {.canonical = "last_updated_time", .numeric = true}},
                       {"last_updated_timestamp_ms",
                        {.canonical = "last_updated_time", .numeric = true}}},
        .metrics = true,
        .parameters = true,
        .tags = true};
    return grammar;
}

const Grammar& registered_models_grammar() {
    static const Grammar grammar{
        .attributes = {{"name", {.canonical = "name", .lists = true}},
                       {"timestamp", {.canonical = "last_updated_timestamp", .filterable = false}},
                       {"last_updated_timestamp",
                        {.canonical = "last_updated_timestamp", .filterable = false}},
                       {"creation_timestamp",
                        {.canonical = "creation_timestamp", .filterable = false}}},
        .tags = true};
    return grammar;
}

const Grammar& model_versions_grammar() {
    static const Grammar grammar{
        .attributes =
            {{"name", {.canonical = "name", .lists = true}},
             {"run_id", {.canonical = "run_id", .lists = true, .orderable = false}},
             {"source_path", {.canonical = "source_path", .orderable = false}},
             {"version_number", {.canonical = "version_number", .numeric = true}},
             {"creation_timestamp",
              {.canonical = "creation_timestamp", .numeric = true, .filterable = false}},
             {"last_updated_timestamp",
              {.canonical = "last_updated_timestamp", .numeric = true, .filterable = false}}},
        .tags = true};
    return grammar;
}

}  // namespace maru::tracking::search
