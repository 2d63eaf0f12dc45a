#include "cli/follow/follow_job.hpp"

#include "base/id.hpp"
#include "cli/follow/log_follower.hpp"
#include "cli/follow/retry.hpp"
#include "cli/output.hpp"
#include "compute/operations.hpp"

namespace maru::cli {
namespace {

struct JobLine {
    std::string type;
    compute::Job job;
};
BOOST_DESCRIBE_STRUCT(JobLine, (), (type, job))

using compute::WorkloadState;

struct LogLine {
    std::string type = "log";
    std::int64_t offset = 0;  // after the text
    std::string text;
};
BOOST_DESCRIBE_STRUCT(LogLine, (), (type, offset, text))

/// Shows on a terminal why a job has not started, from a second on, until it starts.
class QueueStatus {
  public:
    QueueStatus(Session& session, const compute::Job& job, StatusLine& status)
        : status_(status), project_(session.project()), id_(job.id) {
        if (!session.err().is_terminal || is_final(job.state)) return;
        client_ = session.new_client();
        thread_ = std::thread([this] { watch(); });
    }
    ~QueueStatus() {
        end();
        if (thread_.joinable()) thread_.join();
    }
    QueueStatus(const QueueStatus&) = delete;
    QueueStatus& operator=(const QueueStatus&) = delete;

    /// Output has come: nothing more to say.
    void end() {
        {
            std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_all();
    }

  private:
    void watch() {
        auto since = std::chrono::steady_clock::now();
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::seconds(1), [&] { return ended_; })) {
            lock.unlock();
            auto text = describe(std::chrono::steady_clock::now() - since);
            lock.lock();
            if (ended_) return;
            if (text.empty()) {
                status_.clear();
                return;
            }
            status_.show(text);
        }
    }

    /// Empty once the job runs or has ended.
    std::string describe(std::chrono::steady_clock::duration waited) {
        try {
            auto job = client_->call(compute::get_job, {.project = project_, .id = id_});
            if (job.state != WorkloadState::queued && job.state != WorkloadState::starting)
                return {};
            auto time =
                short_duration(std::chrono::duration_cast<std::chrono::milliseconds>(waited));
            if (job.state == WorkloadState::starting) return fmt::format("starting, {}", time);
            auto why = client_->call(compute::why_job, {.project = project_, .id = id_});
            auto text = fmt::format("waiting {}: {}", time, printable(why.reason));
            if (why.position) text += fmt::format(", place {}", *why.position);
            return text;
        } catch (const Error& error) {
            return printable(error.message());
        }
    }

    StatusLine& status_;
    std::string project_, id_;
    std::unique_ptr<ApiClient> client_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace

compute::Job follow_job(Session& session, const compute::Job& job, const FollowOptions& options,
                        std::mutex& output, StatusLine& status) {
    auto client = session.new_client();
    LogFollower follower(*client, {.project = session.project(),
                                   .id = job.id,
                                   .replica = options.replica,
                                   .follow = true,
                                   .offset = options.offset});
    {
        QueueStatus queue(session, job, status);
        auto sink = [&](std::string_view bytes) {
            std::lock_guard lock(output);
            queue.end();
            status.clear();
            if (options.dimmed)
                print_err(paint(session.err(), Colour::dim, bytes));
            else if (session.json())
                session.print_json(
                    LogLine{.offset = follower.offset() + static_cast<std::int64_t>(bytes.size()),
                            .text = std::string(bytes)});
            else
                print_out(bytes);
        };
        follower.follow(sink, [&](std::string_view trouble) {
            if (trouble.empty())
                status.clear();
            else
                status.show(fmt::format("connection lost, trying again: {}", trouble));
        });
    }
    status.clear();
    return retrying(kPatience, [&] {
        return client->call(compute::get_job, {.project = session.project(), .id = job.id});
    });
}

compute::Job create_and_follow(Session& session, const std::function<compute::Job()>& create,
                               StatusLine& status) {
    std::mutex output;
    compute::Job ended;
    {
        JobInterrupts interrupts(session, output, status);
        auto job = create();
        interrupts.job_created(job.id);
        if (session.json())
            session.print_json(JobLine{"queued", job});
        else if (session.err().is_terminal)
            session.note(paint(session.err(), Colour::dim, fmt::format("job {}", job.id)));
        ended = follow_job(session, job, {}, output, status);
    }
    if (session.json()) session.print_json(JobLine{"end", ended});
    return ended;
}

int exit_code_of(const compute::Job& job) {
    if (job.exit_code) return *job.exit_code;
    return job.state == WorkloadState::succeeded ? 0 : 1;
}

void report_end(Session& session, const compute::Job& job) {
    if (job.state == WorkloadState::succeeded) return;
    auto text = fmt::format("{} job {} {}", paint(session.err(), Colour::red, "error:"),
                            printable(job.name.empty() ? job.id : job.name), enum_name(job.state));
    if (!job.reason.empty()) text += ": " + printable(job.reason);
    session.note(text);
}

compute::Job wait_for_job(Session& session, const std::string& id) {
    auto& client = session.client();
    std::chrono::milliseconds pause{100};
    for (;;) {
        auto job = retrying(kPatience, [&] {
            return client.call(compute::get_job, {.project = session.project(), .id = id});
        });
        if (is_final(job.state)) return job;
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 3 / 2, std::chrono::milliseconds(1000));
    }
}

compute::Job find_job(Session& session, const std::string& id_or_name) {
    auto& client = session.client();
    if (is_id(id_or_name))
        return client.call(compute::get_job, {.project = session.project(), .id = id_or_name});
    // A job before an endpoint's replica or an environment's build of the same name.
    for (const char* kind : {"job", "all"}) {
        compute::ListJobs request{
            .project = session.project(), .kind = kind, .page_token = {}, .page_size = 1000};
        do {
            auto page = client.call(compute::list_jobs, request);
            for (auto& job : page.items)
                if (job.name == id_or_name) return std::move(job);
            request.page_token = page.next_page_token.value_or("");
        } while (!request.page_token.empty());
    }
    fail(ErrorCode::not_found,
         "the project {} has no job with the id or name \"{}\"; see: maru jobs --all",
         session.project(), id_or_name);
}

}  // namespace maru::cli
