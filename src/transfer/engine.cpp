#include "transfer/engine.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <regex>
#include <set>
#include <thread>

#include "transfer/batch.hpp"

namespace maru::transfer {
namespace {

/// Threads that work off batches; the first error that makes going on pointless ends all.
class Crew {
  public:
    using Task = std::function<void(BatchCarrier&)>;

    Crew(Source& source, Sink& sink, const Options& options, Notes& notes) {
        for (int i = 0; i < options.connections; ++i)
            carriers_.push_back(
                std::make_unique<BatchCarrier>(source.clone(), sink.clone(), options, notes));
        for (auto& carrier : carriers_) threads_.emplace_back([this, &carrier] { work(*carrier); });
    }
    ~Crew() {
        {
            std::lock_guard lock(mutex_);
            stopped_ = true;
            tasks_.clear();
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// Waits while enough is to be done, so that a source is not read faster than it is written.
    void add(Task task) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return tasks_.size() < threads_.size() || error_; });
        if (error_) std::rethrow_exception(error_);
        tasks_.push_back(std::move(task));
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return (tasks_.empty() && busy_ == 0) || error_; });
        if (error_) std::rethrow_exception(error_);
    }

  private:
    void work(BatchCarrier& carrier) {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [&] { return stopped_ || error_ || !tasks_.empty(); });
            if (stopped_ || error_) return;
            auto task = std::move(tasks_.front());
            tasks_.pop_front();
            ++busy_;
            changed_.notify_all();
            lock.unlock();
            std::exception_ptr error;
            try {
                task(carrier);
            } catch (...) {
                error = std::current_exception();
            }
            lock.lock();
            --busy_;
            if (error && !error_) error_ = error;
            changed_.notify_all();
        }
    }

    std::vector<std::unique_ptr<BatchCarrier>> carriers_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;            // guarded by mutex_
    std::size_t busy_ = 0;              // guarded by mutex_
    bool stopped_ = false;              // guarded by mutex_
    std::exception_ptr error_;          // guarded by mutex_
    std::vector<std::thread> threads_;  // the last, since they use all others
};

std::vector<Experiment> chosen(Source& source, const std::vector<std::string>& names) {
    auto all = source.experiments();
    if (names.empty()) return all;
    std::vector<Experiment> some;
    for (const auto& name : names) {
        auto found = std::ranges::find(all, name, &Experiment::name);
        if (found == all.end())
            fail(ErrorCode::not_found, "the source has no experiment \"{}\"", name);
        some.push_back(*found);
    }
    return some;
}

/// Where the files of a version are, in words that hold wherever its run and model went:
/// runs:/RUN/path or models:/m-ID; nothing if they belong to neither.
std::optional<std::string> files_of(const models::ImportVersion& version,
                                    const std::map<std::string, std::string>& uris) {
    auto known = [&](const std::string& id) { return uris.contains(id); };
    static const std::regex kNamed(R"(^(?:runs:/+([^/]+)|models:/+(m-[^/@]+))(/.*)?$)");
    static const std::regex kStored(R"(^.*/(?:([0-9a-f]{32})|(m-[0-9a-f]{32}))/artifacts(/.*)?$)");
    for (const auto& text : {version.source, version.files})
        for (const auto* pattern : {&kNamed, &kStored}) {
            std::smatch match;
            if (!std::regex_match(text, match, *pattern)) continue;
            std::string rest = match[3].str();
            while (rest.ends_with('/')) rest.pop_back();
            if (match[1].matched && known(match[1])) return "runs:/" + match[1].str() + rest;
            if (match[2].matched && known(match[2])) return "models:/" + match[2].str() + rest;
        }
    for (const auto& owner : {version.run_id.value_or(""), version.model_id}) {
        auto uri = uris.find(owner);
        if (owner.empty() || uri == uris.end() || !version.files.starts_with(uri->second)) continue;
        return (owner.starts_with("m-") ? "models:/" : "runs:/") + owner +
               version.files.substr(uri->second.size());
    }
    return std::nullopt;
}

/// The registry: of a choice of experiments only the models that have a version of their runs.
void carry_registry(Source& source, Sink& sink, BatchCarrier& carrier, const Options& options,
                    Notes& notes) {
    const auto& uris = notes.uris();
    for (auto& model : source.registered_models()) {
        bool ours = options.experiments.empty();
        for (auto& version : model.versions) {
            if (version.model_id.empty() && version.source.starts_with("models:/m-"))
                version.model_id = version.source.substr(8, version.source.find('/', 8) - 8);
            ours = ours || uris.contains(version.run_id.value_or("")) ||
                   uris.contains(version.model_id);
        }
        if (!ours) continue;
        auto versions = static_cast<std::int64_t>(model.versions.size());
        if (options.dry_run) {
            notes.count(&Report::registered_models, &Counts::brought);
            notes.count(&Report::model_versions, &Counts::brought, versions);
            continue;
        }
        try {
            for (auto& version : model.versions) {
                auto files = files_of(version, uris);
                if (!files && !version.files.empty()) {
                    // Of no run that is here: its files get a folder of their own.
                    auto folder =
                        fmt::format("registered_models/{}/{}", model.name, version.version);
                    auto what = fmt::format("model {}, version {}", model.name, version.version);
                    if (carrier.can_carry_artifacts(what, version.files) &&
                        carrier.carry_artifacts(what, version.files, folder))
                        files = "mlflow-artifacts:/" + folder;
                }
                version.files = files.value_or("");
            }
            auto done = sink.put_model(model);
            notes.count(&Report::registered_models,
                        done.created ? &Counts::brought : &Counts::present);
            notes.count(&Report::model_versions, &Counts::brought, done.versions_created);
            notes.count(&Report::model_versions, &Counts::present,
                        versions - done.versions_created);
        } catch (const Error& error) {
            if (is_fatal(error)) throw;
            notes.fail(&Report::registered_models, "registered model " + model.name,
                       error.message());
        }
    }
}

}  // namespace

Report transfer(Source& source, Sink& sink, const Options& options, Progress& progress) {
    Notes notes(progress);
    notes.report().dry_run = options.dry_run;
    auto experiments = chosen(source, options.experiments);
    for (const auto& experiment : experiments)
        progress.runs_total += std::max<std::int64_t>(source.count_runs(experiment), 0);
    std::map<std::string, std::string> ids;
    {
        Crew crew(source, sink, options, notes);
        for (const auto& experiment : experiments) {
            std::string id;
            if (!options.dry_run) {
                try {
                    auto made = sink.put_experiment(experiment);
                    id = made.id;
                    notes.count(&Report::experiments,
                                made.created ? &Counts::brought : &Counts::present);
                } catch (const Error& error) {
                    if (is_fatal(error)) throw;
                    notes.fail(&Report::experiments, "experiment " + experiment.name,
                               error.message());
                    continue;
                }
            } else {
                notes.count(&Report::experiments, &Counts::brought);
            }
            ids[experiment.id] = id;
            source.runs(experiment, [&](std::vector<Run> runs) {
                crew.add([id, runs = std::move(runs)](BatchCarrier& carrier) mutable {
                    carrier.carry(std::move(runs), id);
                });
            });
        }
        crew.wait();
        // Their metrics name runs, of other experiments too.
        for (const auto& experiment : experiments) {
            if (!ids.contains(experiment.id)) continue;
            const auto& id = ids[experiment.id];
            source.logged_models(experiment, [&](std::vector<LoggedModel> models) {
                crew.add([id, models = std::move(models)](BatchCarrier& carrier) mutable {
                    carrier.carry(std::move(models), id);
                });
            });
        }
        crew.wait();
    }
    BatchCarrier carrier(source.clone(), sink.clone(), options, notes);
    carry_registry(source, sink, carrier, options, notes);
    for (const auto& rest : source.left_behind())
        notes.skip(rest, "are not brought over by this command");
    auto& report = notes.report();
    report.points = progress.points;
    report.bytes = progress.bytes;
    return std::move(report);
}

}  // namespace maru::transfer
