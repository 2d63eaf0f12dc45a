#include "models/lineage.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "models/lineage_operations.hpp"

namespace maru::models {
namespace {

constexpr std::size_t kNodesMax = 200;
constexpr std::int64_t kNeighboursMax = 50;

struct VersionName {
    std::string model;
    std::int64_t version = 0;
};

/// "NAME/3".
std::optional<VersionName> parse_version_name(std::string_view text) {
    auto slash = text.rfind('/');
    if (slash == std::string_view::npos || slash == 0) return std::nullopt;
    auto version = parse_int(text.substr(slash + 1));
    if (!version) return std::nullopt;
    return VersionName{std::string(text.substr(0, slash)), *version};
}

std::string name_of(const ModelVersion& version) {
    return fmt::format("{}/{}", version.model, version.version);
}

/// The version that this one is a copy of, where its source says so by number.
std::optional<VersionName> copied_from(const ModelVersion& version) {
    std::string_view source = version.source;
    constexpr std::string_view kModels = "models:/";
    if (!source.starts_with(kModels)) return std::nullopt;
    return parse_version_name(source.substr(kModels.size()));
}

std::string short_id(std::string_view id) {
    return std::string(id.substr(0, 12));
}

}  // namespace

/// One reading: goes up to what things are made of and down to what is made of them, breadth first.
class LineageReader::Walk {
  public:
    Walk(LineageReader& reader, const api::ProjectRef& project)
        : reader_(reader), project_(project) {}

    Lineage read(NodeKind kind, const std::string& id) {
        LineageNode start = load(kind, id);
        if (start.missing)
            fail(ErrorCode::not_found, "the {} {} does not exist", enum_name(kind),
                 json_string(id.substr(0, 80)));
        lineage_.start = start.id;
        lineage_.nodes.push_back(start);
        known_.insert(start.id);
        for (bool up : {true, false}) {
            todo_.push_back({kind, id, start.id});
            walk(up);
        }
        return std::move(lineage_);
    }

  private:
    struct Step {
        NodeKind kind;
        std::string ref, node;
    };

    void walk(bool up) {
        std::set<std::string> seen;
        while (!todo_.empty()) {
            at_ = std::move(todo_.front());
            todo_.pop_front();
            if (!seen.insert(at_.node).second) continue;
            try {
                up ? go_up() : go_down();
            } catch (const Error& error) {
                // What was removed meanwhile, or before: the graph ends there.
                if (error.code() != ErrorCode::not_found &&
                    error.code() != ErrorCode::permission_denied)
                    throw;
            }
        }
    }

    void go_up() {
        switch (at_.kind) {
            case NodeKind::endpoint:
                for (const auto& use : endpoints())
                    if (use.endpoint == at_.ref)
                        before(NodeKind::model_version,
                               fmt::format("{}/{}", use.model, use.version));
                return;
            case NodeKind::model_version:
                return up_from_version(version_at());
            case NodeKind::logged_model: {
                auto model = reader_.tracking_.get_logged_model(project_.id, at_.ref, true);
                if (model.source_run_id) before(NodeKind::run, *model.source_run_id);
                return;
            }
            case NodeKind::run: {
                auto run = reader_.tracking_.get_run(project_.id, at_.ref);
                if (run.job_id) before(NodeKind::job, *run.job_id);
                for (const auto& dataset : run.datasets)
                    before(NodeKind::dataset, dataset.name + '@' + dataset.digest);
                for (const auto& model : run.model_inputs)
                    before(NodeKind::logged_model, model.model_id);
                return;
            }
            case NodeKind::job: {
                auto job = reader_.compute_.get(project_.id, at_.ref).job;
                if (job.environment) before(NodeKind::environment, *job.environment);
                if (job.code) before(NodeKind::code, *job.code);
                return;
            }
            case NodeKind::dataset:
            case NodeKind::environment:
            case NodeKind::code:
                return;
        }
    }

    void up_from_version(const ModelVersion& version) {
        if (auto source = copied_from(version))
            before(NodeKind::model_version, fmt::format("{}/{}", source->model, source->version));
        else if (!version.model_id.empty())
            before(NodeKind::logged_model, version.model_id);
        else if (version.run_id)
            before(NodeKind::run, *version.run_id);
    }

    void go_down() {
        switch (at_.kind) {
            case NodeKind::dataset: {
                auto [name, digest] = dataset_of(at_.ref);
                for (const auto& run : bounded(reader_.tracking_.runs_of_dataset(
                         project_.id, name, digest, kNeighboursMax + 1)))
                    after(NodeKind::run, run);
                return;
            }
            case NodeKind::job: {
                auto job = reader_.compute_.get(project_.id, at_.ref).job;
                if (job.run_id) after(NodeKind::run, *job.run_id);
                return;
            }
            case NodeKind::run:
                for (const auto& model : bounded(reader_.tracking_.logged_models_of_run(
                         project_.id, at_.ref, kNeighboursMax + 1)))
                    after(NodeKind::logged_model, model);
                for (const auto& version : versions({.run_id = at_.ref}))
                    if (version.model_id.empty() && !copied_from(version))
                        after(NodeKind::model_version, name_of(version));
                return;
            case NodeKind::logged_model:
                for (const auto& version : versions({.model_id = at_.ref}))
                    if (!copied_from(version)) after(NodeKind::model_version, name_of(version));
                for (const auto& run : bounded(reader_.tracking_.runs_reading_model(
                         project_.id, at_.ref, kNeighboursMax + 1)))
                    after(NodeKind::run, run);
                return;
            case NodeKind::model_version:
                return down_from_version(version_at());
            case NodeKind::endpoint:
            case NodeKind::environment:
            case NodeKind::code:
                return;
        }
    }

    void down_from_version(const ModelVersion& version) {
        for (const auto& copy : versions({.artifact_uri = version.artifact_uri})) {
            auto source = copied_from(copy);
            if (source && source->model == version.model && source->version == version.version)
                after(NodeKind::model_version, name_of(copy));
        }
        for (const auto& use : endpoints())
            if (use.model == version.model && use.version == version.version)
                after(NodeKind::endpoint, use.endpoint);
    }

    void before(NodeKind kind, const std::string& ref) { connect(kind, ref, true); }
    void after(NodeKind kind, const std::string& ref) { connect(kind, ref, false); }

    void connect(NodeKind kind, const std::string& ref, bool is_before) {
        LineageNode node;
        node.id = id_of(kind, ref);
        if (!known_.contains(node.id)) {
            if (lineage_.nodes.size() >= kNodesMax) {
                lineage_.shortened = true;
                return;
            }
            try {
                node = load(kind, ref);
            } catch (const Error& error) {
                if (error.code() != ErrorCode::permission_denied) throw;
                return;  // the reader may not see it: nor that it is there
            }
            lineage_.nodes.push_back(node);
            known_.insert(node.id);
        }
        LineageEdge edge{is_before ? node.id : at_.node, is_before ? at_.node : node.id};
        if (edges_.insert(edge.from + '\n' + edge.to).second) lineage_.edges.push_back(edge);
        todo_.push_back({kind, ref, node.id});
    }

    static std::string id_of(NodeKind kind, const std::string& ref) {
        return fmt::format("{}:{}", enum_name(kind), ref);
    }

    /// A node with what people know it by; one that is gone is missing.
    LineageNode load(NodeKind kind, const std::string& ref) {
        LineageNode node{.id = id_of(kind, ref), .kind = kind, .ref = ref, .name = ref};
        try {
            describe(node);
        } catch (const Error& error) {
            if (error.code() != ErrorCode::not_found) throw;
            node.missing = true;
        }
        return node;
    }

    void describe(LineageNode& node) {
        bool of_registry = node.kind == NodeKind::model_version ||
                           node.kind == NodeKind::logged_model || node.kind == NodeKind::run ||
                           node.kind == NodeKind::dataset;
        if (!of_registry) api::require_membership();
        switch (node.kind) {
            case NodeKind::model_version: {
                auto name = parse_version_name(node.ref);
                if (!name)
                    fail_field("id", fmt::format("expected NAME/VERSION, got {}",
                                                 json_string(node.ref.substr(0, 80))));
                auto version = reader_.models_.get_version(project_.id, name->model, name->version);
                node.state = enum_name(version.state);
                node.detail = fmt::format("{}", fmt::join(version.aliases, ", "));
                return;
            }
            case NodeKind::logged_model: {
                auto model = reader_.tracking_.get_logged_model(project_.id, node.ref, true);
                node.name = model.name;
                node.detail = model.model_type;
                return;
            }
            case NodeKind::run: {
                auto run = reader_.tracking_.get_run(project_.id, node.ref);
                node.name = run.name;
                node.state = enum_name(run.status);
                node.detail = run.experiment_name;
                return;
            }
            case NodeKind::job: {
                auto job = reader_.compute_.get(project_.id, node.ref).job;
                node.name = job.name;
                node.state = enum_name(job.state);
                node.detail = job.user;
                return;
            }
            case NodeKind::environment: {
                auto environment = reader_.environments_.get(project_, node.ref);
                node.name = environment.name ? *environment.name : short_id(node.ref);
                node.state = enum_name(environment.state);
                node.detail = "Python " + environment.python;
                return;
            }
            case NodeKind::code: {
                auto code = reader_.environments_.get_code_snapshot(project_, node.ref);
                node.name = short_id(node.ref);
                node.detail =
                    fmt::format("{} files, {}", code.file_count, format_bytes(code.size_bytes));
                return;
            }
            case NodeKind::dataset: {
                auto [name, digest] = dataset_of(node.ref);
                auto runs = reader_.tracking_.runs_of_dataset(project_.id, name, digest, 1);
                if (runs.empty()) fail(ErrorCode::not_found, "no run has read it");
                node.name = name;
                node.detail = digest;
                return;
            }
            case NodeKind::endpoint: {
                const auto& all = endpoints();
                auto use = std::ranges::find(all, node.ref, &EndpointUse::endpoint);
                if (use == all.end()) fail(ErrorCode::not_found, "no such endpoint");
                node.state = use->state;
                return;
            }
        }
    }

    static std::pair<std::string, std::string> dataset_of(const std::string& ref) {
        auto at = ref.rfind('@');
        if (at == std::string::npos)
            fail_field("id",
                       fmt::format("expected NAME@DIGEST, got {}", json_string(ref.substr(0, 80))));
        return {ref.substr(0, at), ref.substr(at + 1)};
    }

    ModelVersion version_at() {
        auto name = parse_version_name(at_.ref);
        return reader_.models_.get_version(project_.id, name->model, name->version);
    }

    std::vector<ModelVersion> versions(const VersionsOf& of) {
        return bounded(reader_.models_.versions_of(project_.id, of, kNeighboursMax + 1));
    }

    template <class T>
    std::vector<T> bounded(std::vector<T> neighbours) {
        if (neighbours.size() > static_cast<std::size_t>(kNeighboursMax)) {
            neighbours.resize(kNeighboursMax);
            lineage_.shortened = true;
        }
        return neighbours;
    }

    const std::vector<EndpointUse>& endpoints() {
        if (!endpoints_) endpoints_ = reader_.endpoints_(project_);
        return *endpoints_;
    }

    LineageReader& reader_;
    const api::ProjectRef& project_;
    Lineage lineage_;
    std::deque<Step> todo_;
    Step at_{};
    std::set<std::string> known_, edges_;
    std::optional<std::vector<EndpointUse>> endpoints_;
};

LineageReader::LineageReader(Service& models, tracking::Service& tracking,
                             compute::Service& compute, environments::Service& environments,
                             EndpointSource endpoints)
    : models_(models),
      tracking_(tracking),
      compute_(compute),
      environments_(environments),
      endpoints_(std::move(endpoints)) {}

Lineage LineageReader::read(const api::ProjectRef& project, NodeKind kind, const std::string& id) {
    return Walk(*this, project).read(kind, id);
}

void add_operations(api::Api& api, LineageReader& lineage) {
    api.handle(read_lineage, [&lineage](const api::Context& context, const ReadLineage& request) {
        return lineage.read(context.in_project(), request.kind, request.id);
    });
}

}  // namespace maru::models
