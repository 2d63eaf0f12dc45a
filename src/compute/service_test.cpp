#include "compute/service.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>

#include "base/error.hpp"
#include "base/id.hpp"
#include "compute/engines/fake/fake_engine.hpp"

namespace maru::compute {
namespace {

using enum WorkloadState;

/// Lets a test wait for a state instead of for time.
class Watcher final : public Contributor {
  public:
    void committed(const Workload& workload, const Event& event) override {
        std::lock_guard lock(mutex_);
        seen_[workload.job.id].push_back(event.state);
        changed_.notify_all();
    }
    std::optional<std::string> waits_for(const Workload&) override {
        std::lock_guard lock(mutex_);
        if (refusal) throw Error(ErrorCode::failed_precondition, *refusal);
        return reason;
    }
    void prepare(const Workload&, ReplicaSpec& spec) override {
        if (broken_preparation) fail(ErrorCode::resource_exhausted, "the disk is full");
        spec.variables["PREPARED"] = "1";
    }
    void changed(sql::Connection&, const Workload&, const Event&) override { ++transitions; }
    bool wait(const std::string& id, WorkloadState state, std::size_t times = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(20), [&] {
            return static_cast<std::size_t>(std::ranges::count(seen_[id], state)) >= times;
        });
    }
    std::optional<std::string> reason, refusal;
    bool broken_preparation = false;
    std::atomic<int> transitions = 0;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::vector<WorkloadState>> seen_;
};

}  // namespace

class ServiceTest : public testing::Test {
  protected:
    ServiceTest() {
        std::filesystem::create_directories(folder_);
        open();
    }
    ~ServiceTest() override {
        close();
        std::filesystem::remove_all(folder_);
    }
    void open() {
        database_ = sql::Database::open({.file = folder_ / "maru.db"}, migrations);
        service_ = std::make_unique<Service>(*database_, engine_, clock_, ServiceOptions{folder_});
        watcher_ = std::make_unique<Watcher>();
        service_->add_contributor(*watcher_);
        service_->start();
    }
    void close() {
        engine_.forget_listener();
        service_.reset();
        database_.reset();
    }
    /// The server is gone and comes back; the machine went on.
    void restart() {
        close();
        open();
    }
    Submission submission(std::int64_t cpu_milli = 1000) {
        Submission made;
        made.project = {"project-1", 1, "default"};
        made.user = "ann";
        made.command = {"python", "train.py"};
        made.resources.cpu_milli = cpu_milli;
        return made;
    }
    Workload started(const Submission& asked) {
        auto workload = service_->submit(asked);
        EXPECT_TRUE(watcher_->wait(workload.job.id, starting));
        wait_launched(1);
        workload = service_->get("project-1", workload.job.id);
        engine_.begin(workload.attempt_id);
        EXPECT_TRUE(watcher_->wait(workload.job.id, running));
        return workload;
    }
    void wait_launched(std::size_t count) {
        for (int i = 0; i < 2000 && engine_.launched().size() < count; ++i)
            std::this_thread::sleep_for(
                std::chrono::milliseconds(5));  // the fake engine tells nobody of launches
        ASSERT_GE(engine_.launched().size(), count);
    }
    Job job(const std::string& id) { return service_->get("project-1", id).job; }
    static ErrorCode code_of(const std::function<void()>& call) {
        try {
            call();
        } catch (const Error& error) {
            return error.code();
        }
        return ErrorCode::unknown;
    }

    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("maru-compute-" + new_id());
    FakeEngine engine_{{Node{"a", 2000, 8000, {Gpu{"gpu-0", "H200", 141'000}}}}};
    SystemClock clock_;
    std::unique_ptr<sql::Database> database_;
    std::unique_ptr<Watcher> watcher_;
    std::unique_ptr<Service> service_;
};

TEST_F(ServiceTest, runs_a_job_to_its_end) {
    auto workload = started(submission());
    EXPECT_EQ(workload.job.name, "train.py");
    EXPECT_EQ(engine_.launched().at(0).variables.at("PREPARED"), "1");
    engine_.end(workload.attempt_id, 0, 0);
    ASSERT_TRUE(watcher_->wait(workload.job.id, succeeded));
    auto done = job(workload.job.id);
    EXPECT_EQ(done.exit_code, 0);
    EXPECT_TRUE(done.started_at && done.finished_at);
    auto events = service_->events("project-1", {.project = "", .id = workload.job.id}).items;
    ASSERT_EQ(events.size(), 4u);
    EXPECT_EQ(events[3].previous_state, running);
    EXPECT_EQ(watcher_->transitions, 3);
}

TEST_F(ServiceTest, says_that_a_job_ran_that_ended_before_the_engine_looked) {
    auto workload = service_->submit(submission());
    ASSERT_TRUE(watcher_->wait(workload.job.id, starting));
    wait_launched(1);
    auto attempt_id = service_->get("project-1", workload.job.id).attempt_id;
    engine_.end(attempt_id, 0, {.exit_code = 0, .started_at = clock_.now()});
    ASSERT_TRUE(watcher_->wait(workload.job.id, succeeded));
    auto events = service_->events("project-1", {.project = "", .id = workload.job.id}).items;
    ASSERT_EQ(events.size(), 4u);
    EXPECT_EQ(events[2].state, running);
}

TEST_F(ServiceTest, tells_how_a_job_failed) {
    auto workload = started(submission());
    ReplicaExit exit;
    exit.exit_code = 137;
    exit.out_of_memory = true;
    exit.reason = "killed: used more than its memory limit of 512 MiB";
    exit.ended_at = clock_.now();
    engine_.end(workload.attempt_id, 0, exit);
    ASSERT_TRUE(watcher_->wait(workload.job.id, failed));
    EXPECT_EQ(job(workload.job.id).exit_code, 137);
    EXPECT_EQ(job(workload.job.id).reason, exit.reason);
}

TEST_F(ServiceTest, tries_again_as_often_as_asked) {
    auto asked = submission();
    asked.retries = 1;
    auto workload = started(asked);
    engine_.end(workload.attempt_id, 0, 3);
    ASSERT_TRUE(watcher_->wait(workload.job.id, starting, 2));
    wait_launched(2);
    auto again = service_->get("project-1", workload.job.id);
    EXPECT_EQ(again.job.attempt, 2);
    EXPECT_NE(again.attempt_id, workload.attempt_id);
    engine_.begin(again.attempt_id);
    engine_.end(again.attempt_id, 0, 3);
    ASSERT_TRUE(watcher_->wait(workload.job.id, failed));
    EXPECT_EQ(job(workload.job.id).exit_code, 3);
}

TEST_F(ServiceTest, makes_jobs_wait_for_room_and_says_why) {
    auto first = started(submission(2000));
    auto second = service_->submit(submission(1000));
    auto third = service_->submit(submission(1000));
    service_->stop_workload("project-1", third.job.id, "stopped by ann");
    EXPECT_EQ(job(third.job.id).state, stopped);
    engine_.end(first.attempt_id, 0, 0);
    EXPECT_TRUE(watcher_->wait(second.job.id, starting));
    EXPECT_EQ(job(first.job.id).state, succeeded);
}

TEST_F(ServiceTest, stops_a_running_job) {
    auto workload = started(submission());
    service_->stop_workload("project-1", workload.job.id, "stopped by ann");
    ASSERT_TRUE(watcher_->wait(workload.job.id, stopped));
    EXPECT_EQ(job(workload.job.id).reason, "stopped by ann");
    service_->stop_workload("project-1", workload.job.id, "stopped by bob");
    EXPECT_EQ(job(workload.job.id).reason, "stopped by ann");
}

TEST_F(ServiceTest, takes_up_running_jobs_after_a_restart) {
    auto workload = started(submission());
    restart();
    EXPECT_EQ(job(workload.job.id).state, running);
    engine_.end(workload.attempt_id, 0, 7);
    ASSERT_TRUE(watcher_->wait(workload.job.id, failed));
    EXPECT_EQ(job(workload.job.id).exit_code, 7);
    EXPECT_EQ(engine_.launched().size(), 1u);
}

TEST_F(ServiceTest, hears_after_a_restart_what_ended_meanwhile) {
    auto workload = started(submission());
    close();
    engine_.end(workload.attempt_id, 0, 0);
    open();
    for (int i = 0; i < 2000 && job(workload.job.id).state != succeeded; ++i)
        std::this_thread::sleep_for(
            std::chrono::milliseconds(5));  // it may be written before a watcher can look
    EXPECT_EQ(job(workload.job.id).state, succeeded);
}

TEST_F(ServiceTest, fails_what_cannot_be_prepared_or_launched) {
    watcher_->broken_preparation = true;
    auto first = service_->submit(submission());
    ASSERT_TRUE(watcher_->wait(first.job.id, failed));
    EXPECT_EQ(job(first.job.id).reason, "could not be started: the disk is full");
    watcher_->broken_preparation = false;
    engine_.fail_next_launch(Error(ErrorCode::failed_precondition, "no sandbox here"));
    auto second = service_->submit(submission());
    ASSERT_TRUE(watcher_->wait(second.job.id, failed));
    EXPECT_EQ(job(second.job.id).reason, "could not be started: no sandbox here");
}

TEST_F(ServiceTest, waits_for_what_contributors_wait_for) {
    watcher_->reason = "environment digits is being built";
    auto first = service_->submit(submission());
    for (int i = 0; i < 2000 && job(first.job.id).reason.empty(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // a reason is no event
    EXPECT_EQ(service_->why("project-1", first.job.id).reason, "environment digits is being built");
    watcher_->refusal = "environment digits could not be built";
    service_->wake();
    ASSERT_TRUE(watcher_->wait(first.job.id, failed));
    EXPECT_EQ(job(first.job.id).reason, "environment digits could not be built");
}

TEST_F(ServiceTest, refuses_what_makes_no_sense) {
    auto refused = [&](auto change) {
        auto asked = submission();
        change(asked);
        return code_of([&] { service_->submit(asked); });
    };
    EXPECT_EQ(refused([](Submission& s) { s.command.clear(); }), ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](Submission& s) { s.resources.gpus = 2; }), ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](Submission& s) { s.resources.cpu_milli = -1; }),
              ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](Submission& s) { s.name = std::string(300, 'x'); }),
              ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](Submission& s) { s.variables["a b"] = ""; }), ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](Submission& s) { s.command = {std::string("a\0b", 3)}; }),
              ErrorCode::invalid_argument);
    EXPECT_EQ(code_of([&] { service_->get("project-1", "nothing"); }), ErrorCode::not_found);
    auto workload = service_->submit(submission());
    EXPECT_EQ(code_of([&] { service_->get("project-2", workload.job.id); }), ErrorCode::not_found);
}

TEST_F(ServiceTest, lists_by_page) {
    for (int i = 0; i < 5; ++i) service_->submit(submission());
    ListJobs request{.page_size = 2};
    std::vector<std::string> ids;
    for (int page = 0; page < 3; ++page) {
        auto got = service_->list("project-1", request);
        for (const auto& item : got.items) ids.push_back(item.id);
        EXPECT_EQ(got.next_page_token.has_value(), page < 2);
        request.page_token = got.next_page_token.value_or("");
    }
    EXPECT_EQ(ids.size(), 5u);
    EXPECT_TRUE(std::ranges::is_sorted(ids, std::greater()));
    EXPECT_TRUE(service_->list("project-2", {}).items.empty());
    EXPECT_EQ(code_of([&] { service_->list("project-1", {.state = "odd"}); }),
              ErrorCode::invalid_argument);
}

}  // namespace maru::compute
