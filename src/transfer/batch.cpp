#include "transfer/batch.hpp"

#include "base/crypto.hpp"
#include "base/id.hpp"

namespace maru::transfer {
namespace {

constexpr std::size_t kItemsAtOnce = 100, kValuesAtOnce = 20'000, kPendingMax = 8'000;
/// What a mark ends with, if artifacts are there too.
constexpr std::string_view kWhole = ":whole", kDataOnly = ":data";

std::string digest_of(const Run& run) {
    Sha256 digest;
    digest.update(to_json(run.data));
    digest.update(run.state);
    digest.update(run.artifact_uri);
    return digest.hex();
}

std::size_t values_of(const tracking::ImportRun& run, std::size_t points) {
    return run.parameters.size() + run.tags.size() + points;
}

/// Whether nothing is left to do; without artifacts less is.
bool is_marked(const std::map<std::string, std::string>& marks, const std::string& id,
               const std::string& digest, bool artifacts) {
    auto found = marks.find(id);
    if (found == marks.end()) return false;
    return found->second == digest + std::string(kWhole) ||
           (!artifacts && found->second == digest + std::string(kDataOnly));
}

std::string mark_of(const std::string& digest, bool artifacts) {
    return digest + std::string(artifacts ? kWhole : kDataOnly);
}

}  // namespace

BatchCarrier::BatchCarrier(std::unique_ptr<Source> source, std::unique_ptr<Sink> sink,
                           const Options& options, Notes& notes)
    : source_(std::move(source)),
      sink_(std::move(sink)),
      options_(options),
      notes_(notes),
      scratch_(std::filesystem::temp_directory_path() / ("maru-transfer-" + new_id())) {}

BatchCarrier::~BatchCarrier() {
    std::error_code ignored;  // nothing can be done about a file that stays
    std::filesystem::remove(scratch_, ignored);
}

bool BatchCarrier::can_carry_artifacts(const std::string& what, const std::string& uri) {
    if (!options_.artifacts) return false;
    if (uri.empty()) return true;
    auto why = source_->unreachable(uri);
    if (!why.empty()) notes_.skip("artifacts of " + what + " at " + uri, why);
    return why.empty();
}

std::vector<BatchCarrier::Item> BatchCarrier::find_missing(std::vector<Run> runs) {
    std::vector<std::string> ids;
    for (const auto& run : runs) ids.push_back(run.data.id);
    auto marks = sink_->marks(ids);
    std::vector<Item> missing;
    for (auto& run : runs) {
        notes_.remember(run.data.id, run.artifact_uri);
        auto digest = digest_of(run);
        bool artifacts = can_carry_artifacts("run " + run.data.id, run.artifact_uri);
        if (!options_.recheck && is_marked(marks, run.data.id, digest, artifacts)) {
            notes_.count(&Report::runs, &Counts::present);
            ++notes_.progress.runs;
            continue;
        }
        missing.push_back({.run = std::move(run),
                           .mark = mark_of(digest, artifacts),
                           .artifacts = artifacts,
                           .folder = {}});
    }
    return missing;
}

void BatchCarrier::carry(std::vector<Run> runs, const std::string& experiment_id) {
    auto items = find_missing(std::move(runs));
    if (items.empty()) return;
    if (options_.dry_run) {
        notes_.count(&Report::runs, &Counts::brought, static_cast<std::int64_t>(items.size()));
        notes_.progress.runs += static_cast<std::int64_t>(items.size());
        return;
    }
    for (auto& item : items) item.run.data.experiment_id = experiment_id;
    carry_points(items);
    send_rest(items);
    finish(items);
}

void BatchCarrier::carry_points(std::vector<Item>& items) {
    std::vector<Run> runs;
    for (const auto& item : items) {
        Run key;  // what a source needs to find its points
        key.data.id = item.run.data.id;
        key.metrics = item.run.metrics;
        key.artifact_uri = item.run.artifact_uri;
        runs.push_back(std::move(key));
    }
    source_->points(runs, [&](std::size_t index, tracking::ImportSeries series) {
        Item& item = items[index];
        if (item.failed) return;
        item.pending += series.values.size();
        item.run.data.metrics.push_back(std::move(series));
        if (item.pending >= kPendingMax) send_points(item);
    });
}

void BatchCarrier::send_points(Item& item) {
    auto count = static_cast<std::int64_t>(item.pending);
    if (!item.sent) {
        send({&item});
    } else {
        try {
            sink_->put_points(item.run.data.id, item.run.data.metrics);
            notes_.progress.points += count;
        } catch (const Error& error) {
            if (is_fatal(error)) throw;
            item.failed = true;
            notes_.fail(&Report::runs, "run " + item.run.data.id, error.message());
        }
    }
    item.run.data.metrics.clear();
    item.pending = 0;
}

void BatchCarrier::send(std::vector<Item*> items) {
    std::vector<tracking::ImportRun> runs;
    for (auto* item : items) runs.push_back(std::move(item->run.data));
    std::vector<tracking::ImportedItem> done;
    bool alone = false;
    try {
        done = sink_->put_runs(runs);
    } catch (const Error& error) {
        if (is_fatal(error)) throw;
        alone = true;  // one of them is not taken: the others are sent by themselves
        if (items.size() == 1) {
            items[0]->failed = true;
            notes_.fail(&Report::runs, "run " + runs[0].id, error.message());
        }
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        items[i]->run.data = std::move(runs[i]);
        if (alone) continue;
        items[i]->sent = true;
        items[i]->created = done[i].created;
        items[i]->folder = done[i].artifact_folder;
        notes_.progress.points += static_cast<std::int64_t>(items[i]->pending);
    }
    if (alone && items.size() > 1)
        for (auto* item : items) send({item});
}

void BatchCarrier::send_rest(std::vector<Item>& items) {
    std::vector<Item*> group;
    std::size_t values = 0;
    auto flush = [&] {
        if (!group.empty()) send(std::exchange(group, {}));
        values = 0;
    };
    for (auto& item : items) {
        if (item.failed) continue;
        if (item.sent) {
            if (item.pending > 0) send_points(item);
            continue;
        }
        auto count = values_of(item.run.data, item.pending);
        if (values + count > kValuesAtOnce || group.size() == kItemsAtOnce) flush();
        group.push_back(&item);
        values += count;
    }
    flush();
}

void BatchCarrier::finish(std::vector<Item>& items) {
    std::map<std::string, std::string> marks;
    for (auto& item : items) {
        const auto& id = item.run.data.id;
        if (!item.failed && item.artifacts) {
            try {
                item.failed = !carry_artifacts("run " + id, item.run.artifact_uri, item.folder);
            } catch (const Error& error) {
                if (is_fatal(error)) throw;
                item.failed = true;
                notes_.fail(&Report::artifacts, "artifacts of run " + id, error.message());
            }
        }
        ++notes_.progress.runs;
        if (item.sent)
            notes_.count(&Report::runs, item.created ? &Counts::brought : &Counts::updated);
        if (!item.failed) marks[id] = item.mark;
    }
    if (!marks.empty()) sink_->mark(marks);
}

void BatchCarrier::carry(std::vector<LoggedModel> models, const std::string& experiment_id) {
    std::vector<std::string> ids;
    for (const auto& model : models) ids.push_back(model.data.id);
    auto there = sink_->marks(ids);
    for (auto& model : models) {
        notes_.remember(model.data.id, model.artifact_uri);
        auto digest = sha256_hex(to_json(model.data) + model.artifact_uri);
        auto what = "logged model " + model.data.id;
        bool artifacts = can_carry_artifacts(what, model.artifact_uri);
        if (!options_.recheck && is_marked(there, model.data.id, digest, artifacts)) {
            notes_.count(&Report::logged_models, &Counts::present);
            continue;
        }
        if (options_.dry_run) {
            notes_.count(&Report::logged_models, &Counts::brought);
            continue;
        }
        model.data.experiment_id = experiment_id;
        try {
            auto done = sink_->put_logged_models({model.data});
            bool whole =
                !artifacts || carry_artifacts(what, model.artifact_uri, done.at(0).artifact_folder);
            notes_.count(&Report::logged_models,
                         done.at(0).created ? &Counts::brought : &Counts::updated);
            if (whole) sink_->mark({{model.data.id, mark_of(digest, artifacts)}});
        } catch (const Error& error) {
            if (is_fatal(error)) throw;
            notes_.fail(&Report::logged_models, what, error.message());
        }
    }
}

bool BatchCarrier::carry_artifacts(const std::string& what, const std::string& uri,
                                   const std::string& folder) {
    if (uri.empty()) return true;
    auto files = source_->artifacts(uri);
    if (files.empty()) return true;
    if (folder.empty()) {
        notes_.skip("artifacts of " + what,
                    "the project's experiment keeps its artifacts elsewhere");
        return false;
    }
    auto there = sink_->artifacts(folder);
    bool all = true;
    for (const auto& file : files) {
        auto found = there.find(file.path);
        if (found != there.end() && found->second == file.size_bytes && !options_.recheck) {
            notes_.count(&Report::artifacts, &Counts::present);
            continue;
        }
        try {
            auto content = source_->fetch(uri, file, scratch_);
            auto size = static_cast<std::int64_t>(std::filesystem::file_size(content));
            if (size != file.size_bytes)
                fail(ErrorCode::data_loss, "has {} bytes, not {} as its source says", size,
                     file.size_bytes);
            sink_->put_artifact(folder, file, content);
            notes_.progress.bytes += size;
            notes_.count(&Report::artifacts, &Counts::brought);
        } catch (const std::filesystem::filesystem_error& error) {
            all = false;
            notes_.fail(&Report::artifacts, "artifact " + file.path + " of " + what, error.what());
        } catch (const Error& error) {
            if (is_fatal(error)) throw;
            all = false;
            notes_.fail(&Report::artifacts, "artifact " + file.path + " of " + what,
                        error.message());
        }
    }
    return all;
}

}  // namespace maru::transfer
