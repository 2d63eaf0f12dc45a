#include <algorithm>
#include <map>
#include <memory>

#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "tracking/operations.hpp"

namespace maru::cli {
namespace {

constexpr std::size_t kColumnsMax = 4;

struct RunsOptions {
    std::string experiment, filter, order_by;
    std::int64_t limit = 50;
};

/// The keys that most of the runs have, at most kColumnsMax of them, by name.
template <class Value>
std::vector<std::string> common_keys(const std::vector<tracking::Run>& runs,
                                     std::map<std::string, Value> tracking::Run::* member) {
    std::map<std::string, int> counts;
    for (const auto& run : runs)
        for (const auto& [key, value] : run.*member) ++counts[key];
    std::vector<std::pair<int, std::string>> ranked;
    for (const auto& [key, count] : counts) ranked.emplace_back(-count, key);
    std::ranges::sort(ranked);
    if (ranked.size() > kColumnsMax) ranked.resize(kColumnsMax);
    std::vector<std::string> keys;
    for (auto& [count, key] : ranked) keys.push_back(std::move(key));
    std::ranges::sort(keys);
    return keys;
}

std::string table_of(Session& session, const std::vector<tracking::Run>& runs) {
    auto metrics = common_keys(runs, &tracking::Run::metrics);
    auto parameters = common_keys(runs, &tracking::Run::parameters);
    std::vector<Table::Column> columns{{"ID"},
                                       {"NAME", Table::Align::left, true},
                                       {"EXPERIMENT", Table::Align::left, true},
                                       {"STATUS"},
                                       {"STARTED"}};
    for (const auto& key : metrics) columns.push_back({key, Table::Align::right, true});
    for (const auto& key : parameters) columns.push_back({key, Table::Align::left, true});
    Table table(std::move(columns));
    auto now = SystemClock().now();
    for (const auto& run : runs) {
        auto status = enum_name(run.status);
        std::vector<Table::Cell> cells{run.id,
                                       run.name,
                                       run.experiment_name,
                                       {status, state_colour(status)},
                                       relative_time(run.started_at, now)};
        for (const auto& key : metrics) {
            auto found = run.metrics.find(key);
            cells.emplace_back(found == run.metrics.end() ? ""
                                                          : format_number(found->second.value));
        }
        for (const auto& key : parameters) {
            auto found = run.parameters.find(key);
            cells.emplace_back(found == run.parameters.end() ? "" : found->second);
        }
        table.row(std::move(cells));
    }
    return table.render(session.out());
}

int list(Session& session, const RunsOptions& options) {
    if (options.limit < 1)
        fail(ErrorCode::invalid_argument, "--limit: expected 1 or more, got {}", options.limit);
    tracking::ListRuns request{.project = session.project(),
                               .experiment = options.experiment,
                               .filter = options.filter,
                               .order_by = options.order_by,
                               .page_token = {}};
    api::Page<tracking::Run> all;
    do {
        auto left = options.limit - static_cast<std::int64_t>(all.items.size());
        request.page_size = std::min<std::int64_t>(left, 1000);
        auto page = session.client().call(tracking::list_runs, request);
        for (auto& run : page.items) all.items.push_back(std::move(run));
        all.next_page_token = page.next_page_token;
        request.page_token = page.next_page_token.value_or("");
    } while (!request.page_token.empty() &&
             static_cast<std::int64_t>(all.items.size()) < options.limit);
    if (session.json()) {
        session.print_json(all);
        return 0;
    }
    print_out(table_of(session, all.items));
    if (all.next_page_token) session.note("There are more; see --limit, --filter and --order-by.");
    return 0;
}

}  // namespace

std::vector<Command> runs_commands() {
    auto options = std::make_shared<RunsOptions>();
    return {{.name = "runs",
             .summary = "List runs with their metrics and parameters, the newest first",
             .configure =
                 [options](Arguments& arguments) {
                     arguments.option("--experiment", "NAME", &options->experiment,
                                      "Only this experiment's, by name or id");
                     arguments.option("--filter", "FILTER", &options->filter,
                                      "MLflow's grammar, for example \"metrics.accuracy > 0.9 and "
                                      "params.depth = '3'\"");
                     arguments.option("--order-by", "FIELD", &options->order_by,
                                      "For example \"metrics.accuracy DESC\"");
                     arguments.option("--limit", "N", &options->limit,
                                      "At most so many, 50 if not given");
                 },
             .run = [options](Session& session) { return list(session, *options); }}};
}

}  // namespace maru::cli
