#include "tracking/job_contributor.hpp"

#include <gtest/gtest.h>

#include "tracking/test_support.hpp"

namespace maru::tracking {
namespace {

compute::Workload job_of(TestBed& bed) {
    compute::Workload workload;
    workload.project_id = bed.project;
    workload.job.id = new_id();
    workload.job.name = "train";
    workload.job.user = "ada";
    workload.job.command = {"python", "train.py"};
    workload.job.parameters = {{"depth", "3"}};
    return workload;
}

void change(TestBed& bed, JobContributor& contributor, const compute::Workload& workload,
            compute::WorkloadState state) {
    bed.database->write([&](sql::Connection& connection) {
        contributor.changed(connection, workload, {.at = bed.clock.now(), .state = state});
    });
}

TEST(JobContributor, AJobHasARunFromItsQueuingOn) {
    TestBed bed;
    JobContributor contributor(*bed.service);
    auto workload = job_of(bed);
    workload.job.experiment = "digits";
    bed.database->write(
        [&](sql::Connection& connection) { contributor.created(connection, workload); });
    auto run = bed.service->get_run(bed.project, workload.job.run_id.value());
    EXPECT_EQ(run.status, RunStatus::SCHEDULED);
    EXPECT_EQ(run.experiment_name, "digits");
    EXPECT_EQ(run.name, "train");
    EXPECT_EQ(run.job_id, workload.job.id);
    EXPECT_EQ(run.parameters.at("depth"), "3");
    EXPECT_EQ(run.tags.at("maru.job_id"), workload.job.id);
    EXPECT_EQ(run.tags.at("mlflow.source.name"), "python train.py");

    compute::ReplicaSpec replica;
    contributor.prepare(workload, replica);
    EXPECT_EQ(replica.variables.at("MARU_RUN_ID"), run.id);
    EXPECT_EQ(replica.variables.at("MLFLOW_EXPERIMENT_ID"), run.experiment_id);

    bed.clock.advance(std::chrono::seconds(60));
    change(bed, contributor, workload, compute::WorkloadState::running);
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).status, RunStatus::RUNNING);
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).started_at, bed.clock.now());
    change(bed, contributor, workload, compute::WorkloadState::stopped);
    EXPECT_EQ(bed.service->get_run(bed.project, run.id).status, RunStatus::KILLED);
}

TEST(JobContributor, ASecondAttemptGoesOnWithTheSameRun) {
    TestBed bed;
    JobContributor contributor(*bed.service);
    auto workload = job_of(bed);
    bed.database->write(
        [&](sql::Connection& connection) { contributor.created(connection, workload); });
    auto begin = [&] {
        return bed.service
            ->create_run_of_workload(bed.project, workload.job.id, {.experiment_id = "0"})
            .id;
    };
    change(bed, contributor, workload, compute::WorkloadState::running);
    EXPECT_EQ(begin(), workload.job.run_id);
    EXPECT_NE(begin(), workload.job.run_id);
    change(bed, contributor, workload, compute::WorkloadState::queued);
    EXPECT_EQ(begin(), workload.job.run_id);
}

TEST(JobContributor, OtherWorkloadsHaveNoRun) {
    TestBed bed;
    JobContributor contributor(*bed.service);
    auto workload = job_of(bed);
    workload.job.kind = compute::WorkloadKind::environment_build;
    bed.database->write(
        [&](sql::Connection& connection) { contributor.created(connection, workload); });
    EXPECT_FALSE(workload.job.run_id);
}

TEST(JobContributor, AJobThatIsRefusedLeavesNoRun) {
    TestBed bed;
    JobContributor contributor(*bed.service);
    auto workload = job_of(bed);
    workload.job.parameters = {{"bad?", "3"}};
    EXPECT_EQ(
        error_of([&] {
            bed.database->write([&](sql::Connection& c) { contributor.created(c, workload); });
        }).first,
        "invalid_argument");
    EXPECT_TRUE(bed.find("").empty());
}

}  // namespace
}  // namespace maru::tracking
