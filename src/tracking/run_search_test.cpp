#include <gtest/gtest.h>

#include <cmath>

#include "tracking/test_support.hpp"

namespace maru::tracking {
namespace {

using Strings = std::vector<std::string>;

/// All ids of a search, page by page.
Strings paged(TestBed& bed, Search search, std::int64_t page_size) {
    Strings ids;
    search.results_max = page_size;
    do {
        auto page = bed.service->find_runs(bed.project, {"0"}, search);
        EXPECT_LE(page.items.size(), static_cast<std::size_t>(page_size));
        for (const auto& run : page.items) ids.push_back(run.id);
        search.page_token = page.next_page_token.value_or("");
    } while (!search.page_token.empty());
    return ids;
}

TEST(RunSearch, PagesOfAnyOrderHoldEveryRunOnce) {
    TestBed bed;
    for (int i = 0; i < 23; ++i) {
        auto run = bed.run({{"group", std::to_string(i % 3)}});
        if (i % 4 != 0) bed.log_metric(run.id, "loss", i % 5);
        if (i == 7) bed.log_metric(run.id, "loss", std::nan(""), 1);
    }
    for (const Strings& order :
         {Strings{}, Strings{"metrics.loss"}, Strings{"metrics.loss DESC"},
          Strings{"params.group DESC", "metrics.loss"}, Strings{"attributes.run_name"},
          Strings{"attributes.start_time"}, Strings{"attributes.end_time DESC"}}) {
        for (const char* filter : {"", "params.group != '1'", "metrics.loss >= 0"}) {
            Search search{.filter = filter, .order_by = order};
            Strings whole = paged(bed, search, 1000);
            EXPECT_EQ(paged(bed, search, 4), whole) << filter;
            EXPECT_EQ(std::set<std::string>(whole.begin(), whole.end()).size(), whole.size());
            search.count = true;
            EXPECT_EQ(bed.service->find_runs(bed.project, {"0"}, search).total,
                      static_cast<std::int64_t>(whole.size()));
        }
    }
}

TEST(RunSearch, APageGoesOnWhereItsLastRunWasEvenWhenThatIsGone) {
    TestBed bed;
    Strings ids;
    for (int i = 0; i < 6; ++i) {
        ids.push_back(bed.run().id);
        bed.log_metric(ids.back(), "score", i);
    }
    Search search{.order_by = {"metrics.score"}, .results_max = 2};
    auto page = bed.service->find_runs(bed.project, {"0"}, search);
    // A new best one does not push those that were seen onto the next page.
    bed.log_metric(bed.run().id, "score", -1);
    search.page_token = page.next_page_token.value();
    EXPECT_EQ(bed.service->find_runs(bed.project, {"0"}, search).items[0].id, ids[2]);
    bed.service->set_run_deleted(bed.project, ids[1], true);
    EXPECT_EQ(bed.service->find_runs(bed.project, {"0"}, search).items.size(), 2u);
}

TEST(RunSearch, APageMayBeginAnywhere) {
    TestBed bed;
    for (int i = 0; i < 7; ++i) bed.log_metric(bed.run().id, "score", i % 3);
    for (const Strings& order : {Strings{}, Strings{"metrics.score DESC"}}) {
        Search search{.order_by = order};
        Strings whole = paged(bed, search, 100);
        search.offset = 3;
        EXPECT_EQ(paged(bed, search, 100), Strings(whole.begin() + 3, whole.end()));
        search.offset = 100;
        EXPECT_TRUE(paged(bed, search, 100).empty());
    }
}

TEST(RunSearch, ForeignPageTokensAreRefused) {
    TestBed bed;
    for (const char* position : {"", "after 1:a", "run:1", "run:a:2", "run:1:-2", "offset:2"}) {
        Search search{.order_by = {"metrics.loss"}, .page_token = api::encode_page_token(position)};
        EXPECT_EQ(error_of([&] { bed.service->find_runs(bed.project, {"0"}, search); }).first,
                  "invalid_argument")
            << position;
    }
}

TEST(RunSearch, NumbersInTextsAreOrderedAsNumbersWhereAskedFor) {
    TestBed bed;
    for (const char* rate : {"10", "9", "1e-3", "auto", "-2", "0.5x"}) bed.run({{"rate", rate}});
    auto rates = [&](Search search) {
        Strings found;
        for (const auto& run : bed.service->find_runs(bed.project, {"0"}, search).items)
            found.push_back(run.parameters.at("rate"));
        return found;
    };
    EXPECT_EQ(rates({.order_by = {"params.rate"}}),
              (Strings{"-2", "0.5x", "10", "1e-3", "9", "auto"}));
    EXPECT_EQ(rates({.order_by = {"params.rate"}, .texts = TextOrder::natural}),
              (Strings{"-2", "1e-3", "9", "10", "0.5x", "auto"}));
}

TEST(RunSearch, OnlyTheWantedColumnsAreRead) {
    TestBed bed;
    auto run = bed.run({{"lr", "1"}, {"depth", "2"}}, {{"team", "a"}, {"other", "b"}});
    bed.log_metric(run.id, "loss", 0.5);
    bed.log_metric(run.id, "gain", 1.5);
    Search search{.columns = Columns{{"loss", "never"}, {"lr"}, {"team"}}};
    auto found = bed.service->find_runs(bed.project, {"0"}, search).items.at(0);
    EXPECT_EQ(found.parameters, (std::map<std::string, std::string>{{"lr", "1"}}));
    EXPECT_EQ(found.tags, (std::map<std::string, std::string>{{"team", "a"}}));
    ASSERT_EQ(found.metrics.size(), 1u);
    EXPECT_EQ(found.metrics.at("loss").value, 0.5);
}

TEST(RunSearch, NestedRunsAreCountedWhereAskedFor) {
    TestBed bed;
    auto parent = bed.run();
    bed.run({}, {{"mlflow.parentRunId", parent.id}});
    auto gone = bed.run({}, {{"mlflow.parentRunId", parent.id}});
    bed.service->set_run_deleted(bed.project, gone.id, true);
    Search search{.filter = "tags.`mlflow.parentRunId` IS NULL", .children = true};
    auto page = bed.service->find_runs(bed.project, {"0"}, search);
    ASSERT_EQ(page.items.size(), 1u);
    EXPECT_EQ(page.items[0].child_count, 1);
}

TEST(RunColumns, AreTheKeysOfOneExperiment) {
    TestBed bed;
    std::string other = bed.service->create_experiment(bed.project, "other", "", {});
    bed.service->create_run(bed.project,
                            {.experiment_id = other, .user = "ada", .parameters = {{"far", "1"}}});
    auto run = bed.run({{"lr", "1"}, {"batch_size", "2"}});
    for (const char* key : {"loss", "eval/loss", "gain"}) bed.log_metric(run.id, key, 1);
    auto all = bed.service->run_columns(bed.project, "0", "", 100);
    EXPECT_EQ(all.metrics, (Strings{"eval/loss", "gain", "loss"}));
    EXPECT_EQ(all.parameters, (Strings{"batch_size", "lr"}));
    EXPECT_TRUE(all.complete);
    EXPECT_EQ(bed.service->run_columns(bed.project, "0", "LOSS", 100).metrics,
              (Strings{"eval/loss", "loss"}));
    auto cut = bed.service->run_columns(bed.project, "0", "", 2);
    EXPECT_EQ(cut.metrics.size(), 2u);
    EXPECT_FALSE(cut.complete);
}

TEST(RunColumns, ValuesAreTheMostFrequentFirst) {
    TestBed bed;
    for (const char* value : {"adam", "sgd", "adam", "lion"}) bed.run({{"optimizer", value}});
    auto values = bed.service->column_values(bed.project, "0", "params.optimizer", "", 2);
    ASSERT_EQ(values.size(), 2u);
    EXPECT_EQ(values[0].value, "adam");
    EXPECT_EQ(values[0].count, 2);
    EXPECT_EQ(bed.service->column_values(bed.project, "0", "attributes.status", "", 9)[0].value,
              "RUNNING");
}

TEST(RunGroups, SummariseMetricsAndNameTheBestRuns) {
    TestBed bed;
    Strings ids;
    int number = 0;
    for (const char* kind : {"a", "b", "a", ""}) {
        ids.push_back(bed.run(*kind ? std::map<std::string, std::string>{{"kind", kind}}
                                    : std::map<std::string, std::string>{})
                          .id);
        bed.log_metric(ids.back(), "loss", 4 - number++);
    }
    bed.log_metric(bed.run({{"kind", "b"}}).id, "loss", std::nan(""));
    GroupRuns request{.by = {"params.kind"}, .metrics = {"loss"}};
    auto groups = bed.service->group_runs(bed.project, "0", request);
    EXPECT_EQ(groups.total, 3);
    EXPECT_EQ(groups.run_count, 5);
    for (const auto& group : groups.items) {
        const auto& loss = group.metrics.at("loss");
        if (group.values[0] == "a") {
            EXPECT_EQ(group.count, 2);
            EXPECT_EQ(loss.mean, 3);
            EXPECT_EQ(loss.least_run, ids[2]);
            EXPECT_EQ(loss.greatest_run, ids[0]);
        } else if (group.values[0] == "b") {
            EXPECT_EQ(group.count, 2);
            EXPECT_EQ(loss.count, 1);
        } else {
            EXPECT_EQ(group.values[0], std::nullopt);
        }
    }
    request.order_by = "metrics.loss ASC";
    EXPECT_EQ(bed.service->group_runs(bed.project, "0", request).items[0].values[0], std::nullopt);
    request.by = {"metrics.loss"};
    EXPECT_EQ(error_of([&] { bed.service->group_runs(bed.project, "0", request); }).first,
              "invalid_argument");
}

TEST(Views, AreKeptReplacedAndRemoved) {
    TestBed bed;
    bed.run();
    bed.service->put_view(bed.project, "0", "best", "ada", "order=a");
    bed.clock.advance(std::chrono::seconds(1));
    auto changed = bed.service->put_view(bed.project, "0", "best", "grace", "order=b");
    EXPECT_EQ(changed.user, "grace");
    EXPECT_GT(changed.updated_at, changed.created_at);
    auto views = bed.service->list_views(bed.project, "0");
    ASSERT_EQ(views.size(), 1u);
    EXPECT_EQ(views[0].state, "order=b");
    bed.service->delete_view(bed.project, "0", "best");
    EXPECT_TRUE(bed.service->list_views(bed.project, "0").empty());
    EXPECT_EQ(error_of([&] { bed.service->delete_view(bed.project, "0", "best"); }).first,
              "not_found");
}

TEST(MetricSeries, OfSeveralRunsLeaveOutWhatWasNotLogged) {
    TestBed bed;
    auto one = bed.run(), two = bed.run();
    for (int step = 0; step < 100; ++step) bed.log_metric(one.id, "loss", step, step);
    bed.log_metric(two.id, "gain", 1);
    auto series =
        bed.service->metric_series(bed.project, {one.id, two.id, "gone"}, {"loss", "gain"}, 10);
    ASSERT_EQ(series.size(), 2u);
    EXPECT_EQ(series[0].run, one.id);
    EXPECT_EQ(series[0].total, 100);
    EXPECT_LE(series[0].steps.size(), 10u);
    EXPECT_EQ(series[0].steps.back(), 99);
    EXPECT_EQ(series[1].key, "gain");
}

/// Rows of a database of the step before get their experiment.
TEST(RunSearch, WhatWasLoggedBeforeIsFound) {
    TestBed bed;
    auto run = bed.run({{"lr", "1"}}, {{"team", "a"}});
    bed.log_metric(run.id, "loss", 0.5);
    bed.database->write([&](sql::Connection& connection) {
        connection.execute_script(
            "DROP INDEX tracking_latest_by_experiment; DROP INDEX "
            "tracking_parameters_by_experiment; DROP INDEX tracking_tags_by_experiment; DROP INDEX "
            "tracking_dataset_inputs_by_dataset; DROP INDEX tracking_models_by_run; DROP TABLE "
            "tracking_views; ALTER TABLE tracking_latest DROP COLUMN experiment; ALTER TABLE "
            "tracking_parameters DROP COLUMN experiment; ALTER TABLE tracking_tags DROP COLUMN "
            "experiment; DROP INDEX tracking_runs_deleted; DROP INDEX "
            "tracking_model_metrics_by_run; DROP INDEX tracking_model_links_by_model; DROP INDEX "
            "tracking_datasets_by_name; DROP TABLE tracking_experiment_ids; ALTER TABLE "
            "tracking_runs DROP COLUMN deleted_at;");
        connection.execute(
            "DELETE FROM schema_migrations WHERE module = 'tracking' AND number >= 3");
    });
    bed.open();
    EXPECT_EQ(bed.find("metrics.loss < 1 AND params.lr = '1' AND tags.team = 'a'"),
              (Strings{run.id}));
}

}  // namespace
}  // namespace maru::tracking
