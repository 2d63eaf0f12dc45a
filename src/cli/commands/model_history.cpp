#include <iostream>
#include <iterator>
#include <memory>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/model_reference.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "models/lineage_operations.hpp"
#include "models/operations.hpp"

namespace maru::cli {
namespace {

struct HistoryOptions {
    std::string model;
    std::optional<std::string> file;
    std::int64_t limit = 50;
};

/// A value of a change in a table's cell: one line, not too long.
std::string cell_of(const std::optional<std::string>& value) {
    constexpr std::size_t kShownMax = 60;
    if (!value) return "";
    std::string line = value->substr(0, value->find('\n'));
    return line.size() < value->size() || line.size() > kShownMax
               ? line.substr(0, kShownMax) + "..."
               : line;
}

int history(Session& session, const HistoryOptions& options) {
    if (options.limit < 1)
        fail(ErrorCode::invalid_argument, "--limit: expected 1 or more, got {}", options.limit);
    auto reference = parse_model_reference(session, options.model);
    models::ListChanges request{.project = session.project(),
                                .model = reference.model,
                                .version = reference.version,
                                .page_token = ""};
    api::Page<models::Change> all;
    do {
        auto left = options.limit - static_cast<std::int64_t>(all.items.size());
        request.page_size = std::min<std::int64_t>(left, 1000);
        auto page = session.client().call(models::list_changes, request);
        for (auto& change : page.items) all.items.push_back(std::move(change));
        all.next_page_token = page.next_page_token;
        request.page_token = page.next_page_token.value_or("");
    } while (!request.page_token.empty() &&
             static_cast<std::int64_t>(all.items.size()) < options.limit);
    if (session.json()) {
        session.print_json(all);
        return 0;
    }
    auto now = SystemClock().now();
    Table table({{"WHEN"},
                 {"WHO"},
                 {"VERSION", Table::Align::right},
                 {"WHAT"},
                 {"FROM", Table::Align::left, true},
                 {"TO", Table::Align::left, true},
                 {"COMMENT", Table::Align::left, true}});
    for (const auto& change : all.items) {
        bool named =
            change.kind == models::ChangeKind::tag || change.kind == models::ChangeKind::alias;
        std::string what(enum_name(change.kind));
        table.row({relative_time(change.at, now), change.user,
                   change.version ? std::to_string(*change.version) : "",
                   named ? what + " " + change.key : what, cell_of(change.from), cell_of(change.to),
                   cell_of(change.comment)});
    }
    print_out(table.render(session.out()));
    if (all.next_page_token) session.note("There are more; see --limit.");
    return 0;
}

int lineage(Session& session, const HistoryOptions& options) {
    auto reference = parse_version_reference(session, options.model);
    auto graph = session.client().call(
        models::read_lineage, {.project = session.project(),
                               .kind = models::NodeKind::model_version,
                               .id = fmt::format("{}/{}", reference.model, *reference.version)});
    if (session.json()) {
        session.print_json(graph);
        return 0;
    }
    std::map<std::string, std::string> made_of;
    for (const auto& edge : graph.edges)
        for (const auto& node : graph.nodes)
            if (node.id == edge.from)
                made_of[edge.to] += (made_of[edge.to].empty() ? "" : ", ") +
                                    fmt::format("{} {}", enum_name(node.kind), node.name);
    Table table({{"KIND"},
                 {"NAME", Table::Align::left, true},
                 {"STATE"},
                 {"DETAIL", Table::Align::left, true},
                 {"MADE OF", Table::Align::left, true}});
    for (const auto& node : graph.nodes)
        table.row({std::string(enum_name(node.kind)),
                   node.name,
                   {node.missing ? "removed" : node.state, state_colour(node.state)},
                   node.detail,
                   made_of[node.id]});
    print_out(table.render(session.out()));
    if (graph.shortened) session.note("There is more than is shown.");
    return 0;
}

int card(Session& session, const HistoryOptions& options) {
    auto reference = parse_model_reference(session, options.model);
    auto& client = session.client();
    if (!options.file) {
        auto card = client.call(
            models::get_card,
            {.project = session.project(), .model = reference.model, .version = reference.version});
        if (session.json())
            session.print_json(card);
        else
            for (auto line : split(trim(card.text), '\n')) print_out(printable(line) + "\n");
        return 0;
    }
    std::string text = *options.file == "-" ? std::string(std::istreambuf_iterator<char>(std::cin),
                                                          std::istreambuf_iterator<char>())
                                            : read_file(*options.file);
    auto card = client.call(models::set_card, {.project = session.project(),
                                               .model = reference.model,
                                               .version = reference.version,
                                               .revision = std::nullopt,
                                               .text = text});
    if (session.json()) session.print_json(card);
    session.say(fmt::format("{} has a new card.", options.model));
    return 0;
}

}  // namespace

std::vector<Command> model_history_commands() {
    auto options = std::make_shared<HistoryOptions>();
    auto name_it = [options](Arguments& arguments) {
        arguments.positional("MODEL[/VERSION]", &options->model,
                             "The model, or one version of it: MODEL/VERSION or MODEL@ALIAS");
    };
    return {
        {.name = "model history",
         .summary = "Show who changed what in a model or a version, the newest first",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.option("--limit", "N", &options->limit,
                                  "At most so many, 50 if not given");
             },
         .run = [options](Session& session) { return history(session, *options); }},
        {.name = "model lineage",
         .summary = "Show what a version was made of and what was made of it",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("MODEL/VERSION", &options->model,
                                      "The version, also as MODEL@ALIAS");
             },
         .run = [options](Session& session) { return lineage(session, *options); }},
        {.name = "model card",
         .summary = "Print the card of a model or a version, or write it",
         .configure =
             [options, name_it](Arguments& arguments) {
                 name_it(arguments);
                 arguments.option("--file", "FILE", &options->file,
                                  "Write the card from this Markdown file; - is standard input");
             },
         .run = [options](Session& session) { return card(session, *options); }},
    };
}

}  // namespace maru::cli
