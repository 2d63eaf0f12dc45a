#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "tracking/test_support.hpp"

namespace maru::tracking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Experiments, EveryProjectHasADefault) {
    TestBed bed;
    EXPECT_EQ(bed.service->get_experiment(bed.project, "0").name, "Default");
    EXPECT_EQ(bed.service->find_experiment("ffffffffffffffffffffffffffffffff", "Default")->id, "0");
    EXPECT_EQ(bed.service->get_experiment(bed.project, "0").artifact_location,
              "mlflow-artifacts:/0");
}

TEST(Experiments, IdsCountPerProjectAndNamesAreUnique) {
    TestBed bed;
    EXPECT_EQ(bed.service->create_experiment(bed.project, "digits", "", {{"team", "a"}}), "1");
    EXPECT_EQ(bed.service->create_experiment("ffffffffffffffffffffffffffffffff", "other", "", {}),
              "1");
    EXPECT_EQ(bed.service->create_experiment(bed.project, "letters", "", {}), "2");
    auto again = error_of([&] { bed.service->create_experiment(bed.project, "digits", "", {}); });
    EXPECT_EQ(again.first, "already_exists");
    EXPECT_EQ(bed.service->get_experiment(bed.project, "1").tags.at("team"), "a");
    EXPECT_EQ(error_of([&] { bed.service->get_experiment(bed.project, "7"); }).first, "not_found");
    EXPECT_EQ(error_of([&] { bed.service->get_experiment(bed.project, "x"); }).first,
              "invalid_argument");
}

TEST(Experiments, DeletionTakesTheRunsAlongAndCanBeUndone) {
    TestBed bed;
    std::string id = bed.service->create_experiment(bed.project, "digits", "", {});
    auto run = bed.service->create_run(bed.project, {.experiment_id = id});
    bed.service->set_experiment_deleted(bed.project, id, true);
    EXPECT_TRUE(bed.service->get_run(bed.project, run.id).deleted);
    EXPECT_EQ(error_of([&] { bed.service->create_run(bed.project, {.experiment_id = id}); }).first,
              "invalid_argument");
    EXPECT_EQ(bed.service->search_experiments(bed.project, {}).items.size(), 1u);
    EXPECT_EQ(bed.service->search_experiments(bed.project, {.view = View::all}).items.size(), 2u);
    bed.service->set_experiment_deleted(bed.project, id, false);
    EXPECT_FALSE(bed.service->get_run(bed.project, run.id).deleted);
}

TEST(Experiments, AreSearchedByNameAndTag) {
    TestBed bed;
    bed.service->create_experiment(bed.project, "digits-a", "", {{"team", "x"}});
    bed.service->create_experiment(bed.project, "Digits-b", "", {});
    auto names = [&](const std::string& filter) {
        std::vector<std::string> found;
        for (const auto& e :
             bed.service
                 ->search_experiments(bed.project, {.filter = filter, .order_by = {"name ASC"}})
                 .items)
            found.push_back(e.name);
        return found;
    };
    EXPECT_THAT(names("name LIKE 'digits%'"), ElementsAre("digits-a"));
    EXPECT_THAT(names("name ILIKE 'digits%'"), ElementsAre("Digits-b", "digits-a"));
    EXPECT_THAT(names("tags.team = 'x'"), ElementsAre("digits-a"));
    EXPECT_THAT(names("tags.team IS NULL"), ElementsAre("Default", "Digits-b"));
    EXPECT_THAT(names("experiment_id IN ('1', '2')"), ElementsAre("Digits-b", "digits-a"));
}

TEST(Runs, KeepTheirNameAsAttributeAndTag) {
    TestBed bed;
    auto run = bed.service->create_run(bed.project, {.experiment_id = "0", .name = "first"});
    EXPECT_EQ(run.tags.at("mlflow.runName"), "first");
    EXPECT_EQ(run.artifact_uri, "mlflow-artifacts:/0/" + run.id + "/artifacts");
    bed.service->update_run(bed.project, run.id, RunStatus::FINISHED, from_ms(5), "second");
    run = bed.service->get_run(bed.project, run.id);
    EXPECT_EQ(run.name, "second");
    EXPECT_EQ(run.tags.at("mlflow.runName"), "second");
    EXPECT_EQ(run.status, RunStatus::FINISHED);
    EXPECT_EQ(run.ended_at, from_ms(5));
    EXPECT_FALSE(bed.run().name.empty());
}

TEST(Runs, BelongToOneProject) {
    TestBed bed;
    auto run = bed.run();
    EXPECT_EQ(
        error_of([&] { bed.service->get_run("ffffffffffffffffffffffffffffffff", run.id); }).first,
        "not_found");
    EXPECT_EQ(
        error_of([&] { bed.service->log("ffffffffffffffffffffffffffffffff", run.id, {}); }).first,
        "not_found");
}

TEST(Runs, ParametersNeverChange) {
    TestBed bed;
    auto run = bed.run({{"depth", "3"}});
    Batch same{.metrics = {}, .parameters = {{"depth", "3"}}, .tags = {}};
    bed.service->log(bed.project, run.id, same);
    Batch other{.metrics = {{.key = "m", .value = 1}},
                .parameters = {{"width", "1"}, {"depth", "4"}},
                .tags = {}};
    auto [code, message] = error_of([&] { bed.service->log(bed.project, run.id, other); });
    EXPECT_EQ(code, "invalid_argument");
    EXPECT_THAT(message, HasSubstr("Changing param values is not allowed. Param with key='depth'"));
    auto after = bed.service->get_run(bed.project, run.id);
    EXPECT_EQ(after.parameters.size(), 1u);  // nothing of the refused batch is there
    EXPECT_TRUE(after.metrics.empty());
}

TEST(Runs, LimitsOfABatch) {
    TestBed bed;
    auto run = bed.run();
    auto refused = [&](const Batch& batch) {
        return error_of([&] { bed.service->log(bed.project, run.id, batch); }).second;
    };
    EXPECT_THAT(
        refused(
            {.metrics = std::vector<NewMetric>(1001, {.key = "m"}), .parameters = {}, .tags = {}}),
        HasSubstr("at most 1000 metrics"));
    EXPECT_THAT(refused({.metrics = {}, .parameters = {{"k", std::string(6001, 'x')}}, .tags = {}}),
                HasSubstr("'Param value' exceeds the maximum length of 6000 characters"));
    EXPECT_THAT(refused({.metrics = {}, .parameters = {}, .tags = {{"k", std::string(8001, 'x')}}}),
                HasSubstr("exceeds the maximum length of 8000"));
    EXPECT_THAT(refused({.metrics = {}, .parameters = {{"k", "1"}, {"k", "1"}}, .tags = {}}),
                HasSubstr("Duplicate parameter keys"));
    EXPECT_THAT(refused({.metrics = {{.key = "a//b"}}, .parameters = {}, .tags = {}}),
                HasSubstr("must not resolve to other names"));
    EXPECT_THAT(refused({.metrics = {{.key = "a?"}}, .parameters = {}, .tags = {}}),
                HasSubstr("Names may only contain"));
    EXPECT_THAT(refused({.metrics = {{.key = "a", .at_ms = -1}}, .parameters = {}, .tags = {}}),
                HasSubstr("Timestamp must be a nonnegative long"));
    std::string umlauts;
    for (int i = 0; i < 6000; ++i) umlauts += "ä";
    bed.service->log(bed.project, run.id,
                     {.metrics = {}, .parameters = {{"k", umlauts}}, .tags = {}});
}

TEST(Metrics, EveryDoubleComesBackExactly) {
    TestBed bed;
    auto run = bed.run();
    const double values[] = {kNan, kInfinity, -kInfinity, -0.0, 5e-324, 1.7976931348623157e308,
                             0.1};
    std::int64_t at = 100;
    for (double value : values) bed.log_metric(run.id, "m", value, -3, at++);
    bed.open();
    auto points = bed.service->metric_page(bed.project, run.id, "m", std::nullopt, "").items;
    ASSERT_EQ(points.size(), std::size(values));
    for (std::size_t i = 0; i < points.size(); ++i) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(points[i].value),
                  std::bit_cast<std::uint64_t>(values[i]))
            << i;
        EXPECT_EQ(points[i].step, -3);
    }
    bed.log_metric(run.id, "only", kNan);
    EXPECT_TRUE(std::isnan(bed.service->get_run(bed.project, run.id).metrics.at("only").value));
}

TEST(Metrics, TheLatestIsOfTheHighestStepThenTimeThenValue) {
    TestBed bed;
    auto run = bed.run();
    bed.log_metric(run.id, "m", 1, 10, 500);
    bed.log_metric(run.id, "m", 2, 9, 900);
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).metrics.at("m").value, 1);
    bed.log_metric(run.id, "m", 0.5, 10, 500);
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).metrics.at("m").value, 1);
    bed.log_metric(run.id, "m", 3, 10, 501);
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).metrics.at("m").value, 3);
    Batch batch{.metrics = {{.key = "m", .value = 7, .at_ms = 1, .step = 12},
                            {.key = "m", .value = 6, .at_ms = 1, .step = 11}},
                .parameters = {},
                .tags = {}};
    bed.service->log(bed.project, run.id, batch);
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).metrics.at("m").value, 7);
}

TEST(Metrics, HistoryIsPagedAndARepeatedRequestAddsNothing) {
    TestBed bed;
    auto run = bed.run();
    Batch batch{.metrics = {}, .parameters = {}, .tags = {}};
    for (std::int64_t i = 0; i < 250; ++i)
        batch.metrics.push_back(
            {.key = "loss", .value = static_cast<double>(i), .at_ms = i / 10, .step = i});
    bed.service->log(bed.project, run.id, batch);
    bed.service->log(bed.project, run.id, batch);
    std::string token;
    std::vector<std::size_t> sizes;
    std::int64_t expected = 0;
    do {
        auto page = bed.service->metric_page(bed.project, run.id, "loss", 100, token);
        sizes.push_back(page.items.size());
        for (const auto& point : page.items) EXPECT_EQ(point.step, expected++);
        token = page.next_page_token.value_or("");
    } while (!token.empty());
    EXPECT_THAT(sizes, ElementsAre(100u, 100u, 50u));
    auto history = bed.service->metric_history(bed.project, run.id, "loss", 20);
    EXPECT_EQ(history.total, 250);
    EXPECT_LE(history.points.size(), 20u);
    EXPECT_EQ(error_of([&] { bed.service->metric_history(bed.project, run.id, "none", 20); }).first,
              "not_found");
    EXPECT_EQ(
        error_of([&] { bed.service->metric_page(bed.project, run.id, "loss", 9, "zz"); }).first,
        "invalid_argument");
}

TEST(RunSearch, FiltersByEverything) {
    TestBed bed;
    auto a = bed.run({{"model", "cnn"}}, {{"team", "Red"}});
    auto b = bed.run({{"model", "rnn"}}, {{"team", "blue"}});
    auto c = bed.run({}, {{"odd.key with space", "v"}});
    bed.log_metric(a.id, "acc", 0.5);
    bed.log_metric(b.id, "acc", 0.9);
    bed.log_metric(c.id, "acc", kNan);
    bed.service->update_run(bed.project, a.id, RunStatus::FINISHED, bed.clock.now(), "");

    EXPECT_THAT(bed.find(""), ElementsAre(c.id, b.id, a.id));
    EXPECT_THAT(bed.find("metrics.acc > 0.6"), ElementsAre(b.id));
    EXPECT_THAT(bed.find("metrics.acc != 0.5"), ElementsAre(c.id, b.id));
    EXPECT_THAT(bed.find("metrics.acc <= 0.9"), ElementsAre(b.id, a.id));
    EXPECT_THAT(bed.find("metrics.never > 0"), IsEmpty());
    EXPECT_THAT(bed.find("params.model LIKE '%nn' and tags.team = 'blue'"), ElementsAre(b.id));
    EXPECT_THAT(bed.find("tags.team LIKE 'red'"), IsEmpty());
    EXPECT_THAT(bed.find("tags.team ILIKE 'red'"), ElementsAre(a.id));
    EXPECT_THAT(bed.find("tags.`odd.key with space` = 'v'"), ElementsAre(c.id));
    EXPECT_THAT(bed.find("params.model IS NULL"), ElementsAre(c.id));
    EXPECT_THAT(bed.find("params.model IS NOT NULL"), ElementsAre(b.id, a.id));
    EXPECT_THAT(bed.find("status = 'FINISHED'"), ElementsAre(a.id));
    EXPECT_THAT(bed.find("attributes.run_id IN ('" + a.id + "', '" + c.id + "')"),
                ElementsAre(c.id, a.id));
    EXPECT_THAT(bed.find("run_name = '" + b.name + "'"), ElementsAre(b.id));
    EXPECT_THAT(bed.find("start_time >= " + std::to_string(to_ms(b.started_at))),
                ElementsAre(c.id, b.id));
    EXPECT_THAT(bed.find("user_id = 'ada' and params.model = 'x'' or 1=1 --'"), IsEmpty());
}

TEST(RunSearch, OrdersWithMissingValuesLast) {
    TestBed bed;
    auto a = bed.run({{"p", "2"}}), b = bed.run({{"p", "1"}}), c = bed.run(), d = bed.run();
    bed.log_metric(a.id, "m", 1);
    bed.log_metric(b.id, "m", 2);
    bed.log_metric(c.id, "m", kNan);
    EXPECT_THAT(bed.find("", {"metrics.m ASC"}), ElementsAre(a.id, b.id, c.id, d.id));
    EXPECT_THAT(bed.find("", {"metrics.m DESC"}), ElementsAre(b.id, a.id, c.id, d.id));
    EXPECT_THAT(bed.find("", {"params.p", "start_time ASC"}), ElementsAre(b.id, a.id, c.id, d.id));
    EXPECT_THAT(bed.find("", {"start_time ASC"}), ElementsAre(a.id, b.id, c.id, d.id));
    EXPECT_EQ(error_of([&] { bed.find("", {"metrics.m", "metrics.m DESC"}); }).first,
              "invalid_argument");
}

TEST(RunSearch, PagesAreCompleteWhileRunsAreAdded) {
    TestBed bed;
    std::vector<std::string> expected;
    for (int i = 0; i < 25; ++i) expected.insert(expected.begin(), bed.run().id);
    for (const auto& order :
         {std::vector<std::string>{}, std::vector<std::string>{"attributes.start_time DESC"}}) {
        std::vector<std::string> seen;
        Search search{.order_by = order, .results_max = 10};
        do {
            auto page = bed.service->search_runs(bed.project, {"0"}, search);
            for (const auto& run : page.items) seen.push_back(run.id);
            search.page_token = page.next_page_token.value_or("");
            if (order.empty() && seen.size() == 10) bed.run();  // newer: on no later page
        } while (!search.page_token.empty());
        if (order.empty()) {
            EXPECT_EQ(seen, expected);
        } else {
            EXPECT_EQ(seen.size(), 26u);
        }
    }
    EXPECT_EQ(
        error_of([&] { bed.service->search_runs(bed.project, {"0"}, {.page_token = "!"}); }).first,
        "invalid_argument");
}

TEST(RunSearch, DeletedRunsAreSeenOnlyWhenAskedFor) {
    TestBed bed;
    auto a = bed.run(), b = bed.run();
    bed.service->set_run_deleted(bed.project, a.id, true);
    EXPECT_THAT(bed.find(""), ElementsAre(b.id));
    auto deleted = bed.service->search_runs(bed.project, {"0"}, {.view = View::deleted});
    ASSERT_EQ(deleted.items.size(), 1u);
    EXPECT_EQ(deleted.items[0].id, a.id);
    EXPECT_EQ(error_of([&] { bed.log_metric(a.id, "m", 1); }).first, "invalid_argument");
    bed.service->set_run_deleted(bed.project, a.id, false);
    bed.log_metric(a.id, "m", 1);
}

TEST(Runs, ManyThreadsLogAtOnce) {
    TestBed bed;
    auto run = bed.run();
    constexpr int kThreads = 8, kPoints = 50;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < kPoints; ++i)
                bed.log_metric(run.id, "m" + std::to_string((t + i) % 5), i, i, t * 1000 + i);
        });
    threads.clear();
    std::size_t total = 0;
    for (int k = 0; k < 5; ++k)
        total +=
            bed.service->metric_page(bed.project, run.id, "m" + std::to_string(k), std::nullopt, "")
                .items.size();
    EXPECT_EQ(total, static_cast<std::size_t>(kThreads * kPoints));
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).metrics.size(), 5u);
}

TEST(Runs, InputsAndOutputs) {
    TestBed bed;
    auto run = bed.run();
    DatasetInput dataset{
        "digits", "abc", "local", "{}", "{}", "", {{"mlflow.data.context", "training"}}};
    bed.service->log_inputs(bed.project, run.id, {dataset, dataset}, {"m-1"});
    bed.service->log_outputs(bed.project, run.id, {{"m-2", 3}});
    auto after = bed.service->get_run(bed.project, run.id);
    ASSERT_EQ(after.datasets.size(), 1u);
    EXPECT_EQ(after.datasets[0].tags.at("mlflow.data.context"), "training");
    EXPECT_EQ(after.model_inputs.at(0).model_id, "m-1");
    EXPECT_EQ(after.model_outputs.at(0).step, 3);
    EXPECT_THAT(bed.find("datasets.name = 'digits' and datasets.context IN ('training')"),
                ElementsAre(run.id));
    EXPECT_THAT(bed.find("datasets.digest = 'other'"), IsEmpty());
    EXPECT_EQ(bed.service->search_datasets(bed.project, {"0"}).at(0).context, "training");
}

TEST(WorkloadRuns, TheProgramsFirstRunIsTheJobs) {
    TestBed bed;
    std::string other = bed.service->create_experiment(bed.project, "digits", "", {});
    std::string run_id = bed.database->write([&](sql::Connection& connection) {
        return bed.service->create_run(
            connection, bed.project,
            {.name = "job", .job_id = "w1", .status = RunStatus::SCHEDULED});
    });
    auto adopted = bed.service->create_run_of_workload(
        bed.project, "w1", {.experiment_id = other, .name = "mine", .user = "ada"});
    EXPECT_EQ(adopted.id, run_id);
    EXPECT_EQ(adopted.name, "mine");
    EXPECT_EQ(adopted.experiment_id, other);
    EXPECT_EQ(adopted.artifact_uri, "mlflow-artifacts:/" + other + "/" + run_id + "/artifacts");
    EXPECT_EQ(adopted.status, RunStatus::RUNNING);
    auto second = bed.service->create_run_of_workload(bed.project, "w1", {.experiment_id = other});
    EXPECT_NE(second.id, run_id);
    EXPECT_EQ(second.job_id, "w1");
    EXPECT_NE(bed.service->create_run_of_workload(bed.project, "w2", {.experiment_id = other}).id,
              run_id);
}

TEST(WorkloadRuns, EndWithTheWorkload) {
    TestBed bed;
    auto status_after = [&](std::optional<RunStatus> by_client, RunStatus ended) {
        std::string job = new_id();
        std::string id = bed.database->write([&](sql::Connection& connection) {
            return bed.service->create_run(connection, bed.project,
                                           {.job_id = job, .status = RunStatus::SCHEDULED});
        });
        bed.database->write([&](sql::Connection& c) {
            bed.service->workload_started(c, job, "host: cpu", bed.clock.now());
        });
        EXPECT_EQ(bed.service->get_run(bed.project, id).status, RunStatus::RUNNING);
        if (by_client) bed.service->update_run(bed.project, id, by_client, bed.clock.now(), "");
        bed.database->write([&](sql::Connection& c) {
            bed.service->workload_ended(c, job, ended, bed.clock.now());
        });
        return bed.service->get_run(bed.project, id).status;
    };
    EXPECT_EQ(status_after({}, RunStatus::FINISHED), RunStatus::FINISHED);
    EXPECT_EQ(status_after({}, RunStatus::KILLED), RunStatus::KILLED);
    EXPECT_EQ(status_after(RunStatus::FINISHED, RunStatus::KILLED), RunStatus::FINISHED);
    EXPECT_EQ(status_after(RunStatus::FINISHED, RunStatus::FAILED), RunStatus::FAILED);
    EXPECT_EQ(status_after(RunStatus::FAILED, RunStatus::FINISHED), RunStatus::FAILED);
}

}  // namespace
}  // namespace maru::tracking
