#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/test_support.hpp"

namespace maru::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tracking::error_of;

constexpr std::string_view kModelFile = R"(artifact_path: model
flavors:
  python_function:
    env:
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    python_version: 3.11.2
  onnx:
    data: model.onnx
    providers: [CPUExecutionProvider]
    save_as_external_data: true
mlflow_version: 3.17.2
model_uuid: m-1
saved_input_example_info:
  artifact_path: input_example.json
  serving_input_path: serving_input_example.json
  type: ndarray
signature:
  inputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
)";

TEST(ModelFile, SaysFlavorsSignatureAndExample) {
    ModelFile file = parse_model_file(kModelFile);
    EXPECT_EQ(file.flavors.size(), 2u);
    EXPECT_EQ(
        file.flavors.at("onnx").text,
        R"({"data":"model.onnx","providers":["CPUExecutionProvider"],"save_as_external_data":true})");
    EXPECT_THAT(file.flavors.at("python_function").text, HasSubstr(R"("python_version":"3.11.2")"));
    EXPECT_THAT(file.signature.value().text, HasSubstr(R"({"inputs":[{"type": "tensor")"));
    EXPECT_EQ(file.signature->text.find("params"), std::string::npos);
    EXPECT_EQ(file.input_example_path, "input_example.json");
    EXPECT_EQ(file.serving_input_path, "serving_input_example.json");
}

TEST(ModelFile, RefusesWhatIsNone) {
    for (const char* text : {"", "- a", "a: [", "just text", "flavors: {a: *nothing}",
                             "signature: {inputs: 'no json'}"})
        EXPECT_EQ(error_of([&] { parse_model_file(text); }).first, "invalid_argument") << text;
}

TEST(Models, NamesAreUniqueAndChecked) {
    TestBed bed;
    bed.service->create_model(bed.author, "iris", "flowers", {{"team", "x"}});
    EXPECT_EQ(error_of([&] { bed.service->create_model(bed.author, "iris", "", {}); }).first,
              "already_exists");
    bed.service->create_model(
        {.project_id = "ffffffffffffffffffffffffffffffff", .user_id = "", .user = ""}, "iris", "",
        {});
    for (const char* name : {"", "a/b", "a:b"})
        EXPECT_EQ(error_of([&] { bed.service->create_model(bed.author, name, "", {}); }).first,
                  "invalid_argument");
    bed.service->rename_model(bed.author, "iris", "flower");
    EXPECT_EQ(error_of([&] { bed.service->get_model(bed.project, "iris"); }).first, "not_found");
    EXPECT_EQ(bed.service->get_model(bed.project, "flower").tags.at("team"), "x");
}

TEST(Versions, CountUpAndNeverComeAgain) {
    TestBed bed;
    bed.service->create_model(bed.author, "iris", "", {});
    EXPECT_EQ(bed.version("iris", "mlflow-artifacts:/0/a").version, 1);
    EXPECT_EQ(bed.version("iris", "mlflow-artifacts:/0/b").version, 2);
    bed.service->delete_version(bed.author, "iris", 2);
    EXPECT_EQ(bed.version("iris", "mlflow-artifacts:/0/c").version, 3);
    EXPECT_EQ(error_of([&] { bed.service->get_version(bed.project, "iris", 2); }).first,
              "not_found");
    EXPECT_EQ(error_of([&] { bed.version("nothing", "mlflow-artifacts:/0/a"); }).first,
              "not_found");
    EXPECT_EQ(bed.service->get_model(bed.project, "iris").latest_version, 3);
}

TEST(Versions, FindTheirFilesWhateverTheSource) {
    TestBed bed;
    auto run = bed.tracking->create_run(bed.project, {.experiment_id = "0"});
    auto logged = bed.tracking->create_logged_model(
        bed.project, {.experiment_id = "0", .name = "m", .source_run_id = run.id});
    bed.put("0/" + run.id + "/artifacts/model/MLmodel", std::string(kModelFile));
    bed.put("0/" + run.id + "/artifacts/model/model.onnx", "onnx");
    bed.put("0/models/" + logged.id + "/artifacts/MLmodel", std::string(kModelFile));
    bed.service->create_model(bed.author, "iris", "", {});
    bed.version("iris", "runs:/" + run.id + "/model");
    bed.version("iris", "mlflow-artifacts:/0/" + run.id + "/artifacts/model");
    auto third = bed.version("iris", "models:/" + logged.id);
    EXPECT_EQ(third.run_id, run.id);
    bed.service->set_alias(bed.author, "iris", "champion", 1);
    EXPECT_EQ(bed.version("iris", "models:/iris@champion").version, 4);
    for (std::int64_t version : {1, 2, 4}) {
        auto files = bed.service->files(bed.project, "iris", version);
        ASSERT_EQ(files.size(), 2u) << version;
        EXPECT_EQ(files[0].path, "MLmodel");
        EXPECT_EQ(files[1].path, "model.onnx");
        EXPECT_EQ(bed.blobs->get(files[1].sha256), "onnx");
    }
    EXPECT_EQ(bed.service->files(bed.project, "iris", 3).size(), 1u);
    auto version = bed.service->get_version(bed.project, "iris", 1);
    bed.service->add_file_facts(bed.project, version);
    EXPECT_THAT(version.flavors, ElementsAre("onnx", "python_function"));
    EXPECT_EQ(version.size_bytes, static_cast<std::int64_t>(kModelFile.size() + 4));
    EXPECT_EQ(bed.service->read_file(bed.project, version, "model.onnx"), "onnx");
    EXPECT_EQ(error_of([&] { bed.service->read_file(bed.project, version, "../x"); }).first,
              "invalid_argument");
}

TEST(Versions, SourcesElsewhereAreKeptButHaveNoFiles) {
    TestBed bed;
    bed.service->create_model(bed.author, "iris", "", {});
    auto version = bed.version("iris", "s3://bucket/model");
    bed.service->add_file_facts(bed.project, version);
    EXPECT_TRUE(version.flavors.empty());
    EXPECT_EQ(error_of([&] { bed.service->files(bed.project, "iris", 1); }).first,
              "failed_precondition");
    EXPECT_EQ(error_of([&] { bed.version("iris", "mlflow-artifacts:/0/../../x"); }).first,
              "invalid_argument");
    EXPECT_EQ(error_of([&] { bed.version("iris", "models:/m-none"); }).first, "not_found");
    EXPECT_EQ(error_of([&] { bed.version("iris", "runs:/none/model"); }).first, "not_found");
    EXPECT_EQ(bed.service->get_model(bed.project, "iris").latest_version, 1);
}

TEST(Aliases, PointAtVersions) {
    TestBed bed;
    bed.service->create_model(bed.author, "iris", "", {});
    bed.version("iris", "mlflow-artifacts:/0/a");
    bed.version("iris", "mlflow-artifacts:/0/b");
    bed.service->set_alias(bed.author, "iris", "champion", 1);
    EXPECT_EQ(bed.service->resolve_version(bed.project, "iris", "champion").version, 1);
    EXPECT_EQ(bed.service->resolve_version(bed.project, "iris", "latest").version, 2);
    EXPECT_EQ(bed.service->resolve_version(bed.project, "iris", "1").version, 1);
    bed.service->set_alias(bed.author, "iris", "champion", 2);
    EXPECT_THAT(bed.service->get_version(bed.project, "iris", 2).aliases, ElementsAre("champion"));
    for (const char* alias : {"latest", "Latest", "v3", "a b", ""})
        EXPECT_EQ(error_of([&] { bed.service->set_alias(bed.author, "iris", alias, 1); }).first,
                  "invalid_argument");
    EXPECT_EQ(error_of([&] { bed.service->set_alias(bed.author, "iris", "x", 9); }).first,
              "not_found");
    bed.service->delete_version(bed.author, "iris", 2);
    EXPECT_TRUE(bed.service->get_model(bed.project, "iris").aliases.empty());
}

TEST(Search, ModelsAndVersions) {
    TestBed bed;
    bed.service->create_model(bed.author, "a", "", {{"team", "x"}});
    bed.service->create_model(bed.author, "B", "", {});
    bed.service->create_model(bed.author, "prompt", "", {{"mlflow.prompt.is_prompt", "true"}});
    bed.version("a", "mlflow-artifacts:/0/a");
    bed.version("a", "mlflow-artifacts:/0/b");
    bed.version("B", "mlflow-artifacts:/0/c");
    auto models = [&](const std::string& filter) {
        std::vector<std::string> names;
        for (const auto& model : bed.service->search_models(bed.project, {.filter = filter}).items)
            names.push_back(model.name);
        return names;
    };
    EXPECT_THAT(models(""), ElementsAre("B", "a"));
    EXPECT_THAT(models("tags.team = 'x'"), ElementsAre("a"));
    EXPECT_THAT(models("name ILIKE 'b%'"), ElementsAre("B"));
    EXPECT_THAT(models("name IN ('a', 'c')"), ElementsAre("a"));
    EXPECT_THAT(models("tags.`mlflow.prompt.is_prompt` = 'true'"), ElementsAre("prompt"));
    EXPECT_EQ(error_of([&] { models("metrics.a > 1"); }).first, "invalid_argument");

    bed.service->set_version_tag(bed.author, "a", 2, "k", "v");
    auto versions = [&](const std::string& filter) {
        std::vector<std::string> found;
        for (const auto& version :
             bed.service
                 ->search_versions(bed.project, {.filter = filter,
                                                 .order_by = {"name ASC", "version_number ASC"}})
                 .items)
            found.push_back(fmt::format("{}/{}", version.model, version.version));
        return found;
    };
    EXPECT_THAT(versions("name = 'a'"), ElementsAre("a/1", "a/2"));
    EXPECT_THAT(versions("version_number > 1"), ElementsAre("a/2"));
    EXPECT_THAT(versions("tags.k = 'v'"), ElementsAre("a/2"));
    EXPECT_THAT(versions("source_path LIKE '%/c'"), ElementsAre("B/1"));
}

TEST(Stages, OneVersionOfEach) {
    TestBed bed;
    bed.service->create_model(bed.author, "a", "", {});
    for (int i = 0; i < 3; ++i) bed.version("a", "mlflow-artifacts:/0/a");
    bed.service->set_version_stage(bed.author, "a", 1, "production", false);
    bed.service->set_version_stage(bed.author, "a", 2, "Production", true);
    EXPECT_EQ(bed.service->get_version(bed.project, "a", 1).stage, "Archived");
    auto latest = bed.service->latest_versions(bed.project, "a", {"Production"});
    ASSERT_EQ(latest.size(), 1u);
    EXPECT_EQ(latest[0].version, 2);
    EXPECT_EQ(bed.service->latest_versions(bed.project, "a", {}).size(), 3u);
    EXPECT_EQ(
        error_of([&] { bed.service->set_version_stage(bed.author, "a", 1, "x", false); }).first,
        "invalid_argument");
}

TEST(Models, DeletionTakesEverythingOfIt) {
    TestBed bed;
    bed.service->create_model(bed.author, "a", "", {{"t", "1"}});
    bed.version("a", "mlflow-artifacts:/0/a");
    bed.service->set_version_tag(bed.author, "a", 1, "k", "v");
    bed.service->set_alias(bed.author, "a", "x", 1);
    bed.service->delete_model(bed.author, "a");
    bed.service->create_model(bed.author, "a", "", {});
    auto model = bed.service->get_model(bed.project, "a");
    EXPECT_TRUE(model.tags.empty());
    EXPECT_TRUE(model.aliases.empty());
    EXPECT_EQ(bed.version("a", "mlflow-artifacts:/0/a").version, 1);
}

TEST(Migrations, a_registry_of_before_there_was_a_history_goes_on) {
    auto folder = std::filesystem::temp_directory_path() / ("maru-models-" + new_id());
    std::filesystem::create_directories(folder);
    std::vector<sql::Migration> all(tracking::migrations.begin(), tracking::migrations.end());
    all.insert(all.end(), migrations.begin(), migrations.end());
    std::vector<sql::Migration> first;
    for (const auto& step : all)
        if (step.number == 1) first.push_back(step);
    {
        auto old = sql::Database::open({.file = folder / "maru.db"}, first);
        old->write([](sql::Connection& connection) {
            connection.execute_script(
                "INSERT INTO models (number, project_id, name, description, next_version, "
                "created_at, updated_at) VALUES (1, 'p', 'iris', '', 2, 5, 5);"
                "INSERT INTO model_versions (number, model, version, state, source, artifact_uri, "
                "run_link, model_id, description, user_name, stage, created_at, updated_at) VALUES "
                "(1, 1, 1, 'READY', 's3://b/m', 's3://b/m', '', '', '', 'ada', 'None', 5, 5)");
        });
    }
    SystemClock clock;
    auto database = sql::Database::open({.file = folder / "maru.db"}, all);
    auto blobs = blob::open_disk_store(folder / "blobs");
    tracking::Service tracking(*database, *blobs, clock);
    Service service(*database, *blobs, tracking, clock);
    Author author{.project_id = "p", .user_id = "1", .user = "ada"};
    ListChanges request;
    request.model = "iris";
    EXPECT_TRUE(service.history("p", request).items.empty());
    EXPECT_EQ(service.card("p", "iris", 1).revision, 0);
    service.set_alias(author, "iris", "champion", 1);
    EXPECT_EQ(service.history("p", request).items.size(), 1u);
    database.reset();
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace maru::models
