#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tracking/test_support.hpp"

namespace maru::tracking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

void put(TestBed& bed, const std::string& path, const std::string& content) {
    TextBody body(content);
    bed.service->write_artifact(bed.project, path, body);
}

std::vector<std::string> names(TestBed& bed, std::string_view folder) {
    std::vector<std::string> found;
    for (const auto& entry : bed.service->list_artifacts(bed.project, folder))
        found.push_back(entry.path + (entry.is_directory ? "/" : ""));
    return found;
}

TEST(Artifacts, AreStreamedInAndFound) {
    TestBed bed;
    put(bed, "0/run/artifacts/model/MLmodel", "flavors: {}");
    auto file = bed.service->find_artifact(bed.project, "0/run/artifacts/model/MLmodel");
    EXPECT_EQ(file.size_bytes, 11);
    EXPECT_EQ(bed.blobs->get(file.sha256), "flavors: {}");
    put(bed, "0/run/artifacts/model/MLmodel", "new");
    EXPECT_EQ(bed.service->find_artifact(bed.project, "0/run/artifacts/model/MLmodel").size_bytes,
              3);
    EXPECT_EQ(error_of([&] {
                  bed.service->find_artifact("ffffffffffffffffffffffffffffffff",
                                             "0/run/artifacts/model/MLmodel");
              }).first,
              "not_found");
}

TEST(Artifacts, ListsOneFolder) {
    TestBed bed;
    for (const char* path : {"r/a/b/c.txt", "r/a/b/d.txt", "r/a/b.txt", "r/a/b-2/x", "r/a/b0",
                             "r/a/z", "r/other", "rr/x"})
        put(bed, path, "x");
    EXPECT_THAT(names(bed, "r/a"), ElementsAre("b/", "b-2/", "b.txt", "b0", "z"));
    EXPECT_THAT(names(bed, ""), ElementsAre("r/", "rr/"));
    EXPECT_THAT(names(bed, "r/a/z"), ElementsAre());
    EXPECT_THAT(names(bed, "/r/"), ElementsAre("a/", "other"));
    auto files = bed.service->artifact_files(bed.project, "r/a");
    EXPECT_EQ(files.size(), 6u);
    EXPECT_EQ(files[0].path, "b-2/x");
    EXPECT_EQ(bed.service->artifact_files(bed.project, "r/a/z").at(0).path, "z");
}

TEST(Artifacts, ManyFilesInOneFolder) {
    TestBed bed;
    bed.blobs->put("x");
    bed.database->write([&](sql::Connection& connection) {
        for (int i = 0; i < 1203; ++i)
            connection.execute(
                "INSERT INTO tracking_artifacts (project_id, path, sha256, size_bytes, created_at) "
                "VALUES ($1, $2, "
                "'s', 1, 0)",
                {bed.project, fmt::format("f/{:05}{}", i, i % 100 == 0 ? "/x" : "")});
    });
    EXPECT_EQ(names(bed, "f").size(), 1203u);
}

TEST(Artifacts, PathsStayInside) {
    TestBed bed;
    for (const char* path :
         {"../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "", "a/", "a\\b", "a/\xff"})
        EXPECT_EQ(error_of([&] { put(bed, path, "x"); }).first, "invalid_argument") << path;
    EXPECT_EQ(error_of([&] { bed.service->list_artifacts(bed.project, "a/../b"); }).first,
              "invalid_argument");
    EXPECT_EQ(error_of([&] { bed.service->find_artifact(bed.project, "../maru.db"); }).first,
              "invalid_argument");
    EXPECT_EQ(error_of([&] {
                  bed.service->artifact_folder(bed.project, "mlflow-artifacts:/0/../../x");
              }).first,
              "invalid_argument");
}

TEST(Artifacts, AFileIsNoFolder) {
    TestBed bed;
    put(bed, "a/b", "x");
    EXPECT_THAT(error_of([&] { put(bed, "a/b/c", "x"); }).second, HasSubstr("is a file"));
    EXPECT_THAT(error_of([&] { put(bed, "a", "x"); }).second, HasSubstr("is a folder"));
}

TEST(Artifacts, DeletionTakesOneFileOrAFolder) {
    TestBed bed;
    for (const char* path : {"r/a/b", "r/a/c", "r/ab", "r/d"}) put(bed, path, "x");
    bed.service->delete_artifacts(bed.project, "r/a");
    EXPECT_THAT(names(bed, "r"), ElementsAre("ab", "d"));
    bed.service->delete_artifacts(bed.project, "r/d");
    bed.service->delete_artifacts(bed.project, "r/nothing");
    EXPECT_THAT(names(bed, "r"), ElementsAre("ab"));
    EXPECT_EQ(error_of([&] { bed.service->delete_artifacts(bed.project, ""); }).first,
              "invalid_argument");
}

TEST(Artifacts, UrisLeadToFolders) {
    TestBed bed;
    auto run = bed.run();
    LoggedModel model =
        bed.service->create_logged_model(bed.project, {.experiment_id = "0", .name = "m"});
    auto folder = [&](const std::string& uri) {
        return bed.service->artifact_folder(bed.project, uri);
    };
    EXPECT_EQ(folder("runs:/" + run.id + "/model"), "0/" + run.id + "/artifacts/model");
    EXPECT_EQ(folder("models:/" + model.id), "0/models/" + model.id + "/artifacts");
    EXPECT_EQ(folder("models:/" + model.id + "/data"), "0/models/" + model.id + "/artifacts/data");
    EXPECT_EQ(folder("mlflow-artifacts:/0/x"), "0/x");
    EXPECT_EQ(folder("mlflow-artifacts://host:1/0/x"), "0/x");
    EXPECT_EQ(folder("http://host/p/default/api/2.0/mlflow-artifacts/artifacts/0/x"), "0/x");
    EXPECT_EQ(error_of([&] { folder("s3://bucket/x"); }).first, "failed_precondition");
    EXPECT_EQ(error_of([&] { folder("file:///etc/passwd"); }).first, "failed_precondition");
}

TEST(Artifacts, PagesOfProgramsCannotActAsThisSite) {
    TestBed bed;
    put(bed, "r/page.html", "<script>1</script>");
    put(bed, "r/model.pkl", "x");
    auto page =
        bed.service->artifact_response(bed.service->find_artifact(bed.project, "r/page.html"));
    EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
    EXPECT_THAT(std::string(page.headers.get("Content-Security-Policy")), HasSubstr("sandbox"));
    EXPECT_EQ(page.headers.get("X-Content-Type-Options"), "nosniff");
    // Where it may run scripts, it has an origin of its own and no network.
    auto running = bed.service->artifact_response(
        bed.service->find_artifact(bed.project, "r/page.html"), true);
    std::string policy(running.headers.get("Content-Security-Policy"));
    EXPECT_THAT(policy, HasSubstr("sandbox allow-scripts; default-src 'none'"));
    EXPECT_THAT(policy, Not(HasSubstr("allow-same-origin")));
    EXPECT_THAT(policy, Not(HasSubstr("connect-src")));
    auto model =
        bed.service->artifact_response(bed.service->find_artifact(bed.project, "r/model.pkl"));
    EXPECT_EQ(model.headers.get("Content-Type"), "application/octet-stream");
    EXPECT_THAT(std::string(model.headers.get("Content-Disposition")), HasSubstr("attachment"));
}

TEST(Artifacts, FoldersAreListedPageByPage) {
    TestBed bed;
    for (int i = 0; i < 7; ++i) put(bed, fmt::format("r/file-{}", i), "x");
    put(bed, "r/file-3b/inner", "x");
    put(bed, "r/zz/inner", "x");
    std::vector<std::string> names;
    std::string token;
    do {
        auto page = bed.service->artifact_page(bed.project, "r", 2, token);
        EXPECT_LE(page.items.size(), 2u);
        for (const auto& entry : page.items) names.push_back(entry.path);
        token = page.next_page_token.value_or("");
    } while (!token.empty());
    std::vector<std::string> whole;
    for (const auto& entry : bed.service->list_artifacts(bed.project, "r"))
        whole.push_back(entry.path);
    EXPECT_EQ(names, whole);
    EXPECT_EQ(whole.size(), 9u);
}

TEST(LoggedModels, AreListedByTheRunThatMadeThem) {
    TestBed bed;
    auto run = bed.run(), other = bed.run();
    auto model = bed.service->create_logged_model(
        bed.project, {.experiment_id = "0", .name = "m", .source_run_id = run.id});
    auto gone = bed.service->create_logged_model(
        bed.project, {.experiment_id = "0", .name = "n", .source_run_id = run.id});
    bed.service->delete_logged_model(bed.project, gone.id);
    auto models = bed.service->logged_models_of(bed.project, run.id);
    ASSERT_EQ(models.size(), 1u);
    EXPECT_EQ(models[0].id, model.id);
    EXPECT_TRUE(bed.service->logged_models_of(bed.project, other.id).empty());
}

TEST(LoggedModels, LiveFromPendingToReady) {
    TestBed bed;
    auto run = bed.run();
    LoggedModel model = bed.service->create_logged_model(
        bed.project,
        {.experiment_id = "0", .name = "m", .source_run_id = run.id, .parameters = {{"p", "1"}}});
    EXPECT_TRUE(model.id.starts_with("m-"));
    EXPECT_EQ(model.status, "LOGGED_MODEL_PENDING");
    EXPECT_EQ(
        bed.service->finalize_logged_model(bed.project, model.id, "LOGGED_MODEL_READY").status,
        "LOGGED_MODEL_READY");
    bed.service->log(bed.project, run.id,
                     {.metrics = {{.key = "acc",
                                   .value = 0.9,
                                   .at_ms = 1,
                                   .step = 0,
                                   .model_id = model.id,
                                   .dataset_name = "d",
                                   .dataset_digest = "1"}},
                      .parameters = {},
                      .tags = {}});
    bed.service->set_logged_model_tags(bed.project, model.id, {{"k", "v"}});
    LoggedModel other =
        bed.service->create_logged_model(bed.project, {.experiment_id = "0", .name = "n"});

    auto find = [&](const std::string& filter, const std::vector<LoggedModelOrder>& order = {}) {
        std::vector<std::string> ids;
        for (const auto& found :
             bed.service->search_logged_models(bed.project, {"0"}, {.filter = filter}, order, {})
                 .items)
            ids.push_back(found.id);
        return ids;
    };
    EXPECT_THAT(find("metrics.acc > 0.5 AND params.p = '1' AND tags.k = 'v'"),
                ElementsAre(model.id));
    EXPECT_THAT(find("status = 'READY'"), ElementsAre(model.id));
    EXPECT_THAT(find("source_run_id = '" + run.id + "'"), ElementsAre(model.id));
    EXPECT_THAT(find("", {{"metrics.acc", false, "d", ""}}), ElementsAre(model.id, other.id));
    EXPECT_THAT(find("", {{"name", false, "", ""}}), ElementsAre(other.id, model.id));
    bed.service->delete_logged_model(bed.project, model.id);
    EXPECT_EQ(error_of([&] { bed.service->get_logged_model(bed.project, model.id); }).first,
              "not_found");
    EXPECT_TRUE(bed.service->get_logged_model(bed.project, model.id, true).deleted);
}

}  // namespace
}  // namespace maru::tracking
