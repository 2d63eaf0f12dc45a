#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/run_frame.hpp"
#include "tracking/run_rows.hpp"
#include "tracking/service.hpp"

namespace maru::tracking {
namespace {

using search::Comparison;
using search::Order;
using search::Statement;
using search::Subject;

/// A filter in the two parts in which it is answered: the rows of runs, and what they logged.
struct Conditions {
    std::vector<Comparison> attributes, logged;
};

Conditions parse_conditions(std::string_view filter) {
    Conditions conditions;
    for (auto& comparison : search::parse_filter(filter, search::runs_grammar()))
        (comparison.subject == Subject::attribute ? conditions.attributes : conditions.logged)
            .push_back(std::move(comparison));
    return conditions;
}

std::vector<Order> parse_orders(const std::vector<std::string>& clauses) {
    search::check_terms("order_by", clauses.size());
    std::vector<Order> orders;
    for (const auto& clause : clauses) {
        Order order = search::parse_order(clause, search::runs_grammar());
        bool repeated = std::any_of(orders.begin(), orders.end(), [&](const Order& other) {
            return other.subject == order.subject && other.key == order.key;
        });
        if (repeated)
            fail(ErrorCode::invalid_argument, "`order_by` contains duplicate fields: {}", clause);
        orders.push_back(std::move(order));
    }
    return orders;
}

/// Newest first is how an index has them.
bool is_natural(const std::vector<Order>& orders) {
    return orders.empty() ||
           (orders.size() == 1 && orders[0] == Order{Subject::attribute, "start_time", false});
}

void append_runs(Statement& statement, View view, const std::vector<Comparison>& attributes) {
    if (view != View::all)
        statement += view == View::active ? " AND r.deleted = 0" : " AND r.deleted = 1";
    for (const auto& comparison : attributes) {
        statement += " AND ";
        search::append_condition(statement, run_attribute_column(comparison.key), comparison);
    }
}

[[noreturn]] void refuse_token(std::string_view page_token) {
    fail(ErrorCode::invalid_argument, "Invalid page token '{}': it is not one of this list",
         page_token);
}

/// The run after which the next page begins, in the natural order.
struct Position {
    std::int64_t started_at = 0;
    std::string id;
};

std::optional<Position> decode_position(std::string_view page_token) {
    if (page_token.empty()) return std::nullopt;
    std::string text = search::decode_position(page_token);
    auto colon = text.find(':');
    if (!text.starts_with("after ") || colon == std::string::npos) refuse_token(page_token);
    auto started_at = parse_int(std::string_view(text).substr(6, colon - 6));
    if (!started_at) refuse_token(page_token);
    return Position{*started_at, text.substr(colon + 1)};
}

/// The same in any order: the run, and how many were before it, for when it is gone since.
struct Boundary {
    std::int64_t run = -1, offset = 0;
};

bool is_boundary(std::string_view page_token) {
    return !page_token.empty() && search::decode_position(page_token).starts_with("run:");
}

Boundary decode_boundary(std::string_view page_token) {
    auto text = search::decode_position(page_token);
    auto parts = split(text, ':');
    if (parts.size() != 3 || parts[0] != "run") refuse_token(page_token);
    auto run = parse_int(parts[1]), offset = parse_int(parts[2]);
    if (!run || !offset || *offset < 0) refuse_token(page_token);
    return {*run, *offset};
}

std::vector<char> matching(const RunFrame& frame, const std::vector<Comparison>& comparisons) {
    std::vector<char> kept(frame.size(), 1);
    for (const auto& comparison : comparisons) frame.keep_matching(kept, comparison);
    return kept;
}

/// The window of a sorted list that a page shows.
struct Window {
    std::vector<std::size_t> positions;
    std::int64_t offset = 0, total = 0;
    bool more = false;
};

Window choose_window(const RunFrame& frame, const std::vector<char>& kept,
                     const std::vector<OrderColumn>& columns, const Boundary& boundary,
                     std::int64_t count) {
    auto before = [&](std::size_t left, std::size_t right) {
        for (const auto& column : columns)
            if (int order = compare(column, left, right); order != 0) return order < 0;
        return left < right;
    };
    Window window;
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < kept.size(); ++i)
        if (kept[i]) found.push_back(i);
    window.total = static_cast<std::int64_t>(found.size());
    auto from = found.begin();
    if (auto place = frame.position_of(boundary.run)) {
        from = std::partition(found.begin(), found.end(),
                              [&](std::size_t other) { return !before(*place, other); });
    } else if (boundary.offset > 0) {
        from += std::min(boundary.offset, window.total);
        std::nth_element(found.begin(), from, found.end(), before);
    }
    window.offset = from - found.begin();
    auto to = from + std::min<std::int64_t>(count, found.end() - from);
    std::partial_sort(from, to, found.end(), before);
    window.positions.assign(from, to);
    window.more = to != found.end();
    return window;
}

}  // namespace

std::vector<Run> Service::load_runs(sql::Connection& connection,
                                    const std::vector<std::int64_t>& numbers) {
    constexpr std::size_t kSlice = 50;
    std::string text = fmt::format(
        "SELECT {} FROM tracking_runs r JOIN tracking_experiments e ON e.number = r.experiment "
        "WHERE r.number IN (",
        kRunColumns);
    for (std::size_t i = 1; i <= kSlice; ++i) text += fmt::format("{}${}", i > 1 ? ", " : "", i);
    text += ")";
    std::unordered_map<std::int64_t, Run> found;
    for (std::size_t from = 0; from < numbers.size(); from += kSlice) {
        std::vector<sql::Value> slice;
        for (std::size_t i = from; i < from + kSlice; ++i)
            slice.emplace_back(i < numbers.size() ? numbers[i] : -1);
        connection.query(text, slice, [&](const sql::Row& row) {
            Run run = read_run(row);
            found.emplace(run.number, std::move(run));
        });
    }
    std::vector<Run> runs;
    for (auto number : numbers) runs.push_back(std::move(found.at(number)));
    return runs;
}

/// Newest first, and nothing asked of what the runs logged: an index has the page ready.
Service::RunPage Service::newest_runs(sql::Connection& connection,
                                      const std::vector<std::int64_t>& experiments,
                                      const Search& search,
                                      const std::vector<search::Comparison>& attributes) {
    RunPage page;
    std::string from =
        " FROM tracking_runs r JOIN tracking_experiments e ON e.number = r.experiment WHERE "
        "r.experiment IN ";
    Statement statement;
    statement += fmt::format("SELECT {}{}", kRunColumns, from);
    statement.list(experiments);
    append_runs(statement, search.view, attributes);
    if (auto after = decode_position(search.page_token)) {
        statement += " AND (r.started_at < ";
        statement << after->started_at;
        statement += " OR (r.started_at = ";
        statement << after->started_at;
        statement += " AND r.id > ";
        statement << after->id;
        statement += "))";
    }
    statement += " ORDER BY r.started_at DESC, r.id LIMIT ";
    statement << search.results_max + 1;
    page.items = connection.all(statement.text(), statement.values(), read_run);
    if (static_cast<std::int64_t>(page.items.size()) > search.results_max) {
        page.items.pop_back();
        if (!page.items.empty()) {
            const Run& last = page.items.back();
            page.next_page_token =
                api::encode_page_token(fmt::format("after {}:{}", to_ms(last.started_at), last.id));
        }
    }
    if (search.count) {
        Statement count;
        count += "SELECT COUNT(*)" + from;
        count.list(experiments);
        append_runs(count, search.view, attributes);
        connection.query(count.text(), count.values(),
                         [&](const sql::Row& row) { page.total = row.integer(0); });
    }
    return page;
}

Service::RunPage Service::find_runs(std::string_view project_id,
                                    const std::vector<std::string>& experiment_ids,
                                    const Search& search) {
    auto conditions = parse_conditions(search.filter);
    auto orders = parse_orders(search.order_by);
    ensure_default_experiment(project_id);
    return database_.read([&](sql::Connection& connection) {
        auto experiments = experiment_numbers(connection, project_id, experiment_ids);
        RunPage page;
        if (experiments.empty()) return page;
        bool ready = is_natural(orders) && conditions.logged.empty() && search.offset == 0 &&
                     !is_boundary(search.page_token);
        if (ready) {
            page = newest_runs(connection, experiments, search, conditions.attributes);
        } else {
            Boundary boundary = search.page_token.empty() ? Boundary{-1, search.offset}
                                                          : decode_boundary(search.page_token);
            RunFrame frame = run_frame(connection, experiments, search.view, conditions.attributes);
            auto kept = matching(frame, conditions.logged);
            std::vector<OrderColumn> columns;
            if (!is_natural(orders))
                for (const auto& order : orders)
                    columns.push_back(
                        {frame.column(order.subject, order.key), order.ascending, search.texts});
            auto window = choose_window(frame, kept, columns, boundary, search.results_max);
            std::vector<std::int64_t> numbers;
            for (auto position : window.positions) numbers.push_back(frame.number(position));
            page.items = load_runs(connection, numbers);
            page.total = window.total;
            if (window.more && !numbers.empty())
                page.next_page_token = api::encode_page_token(
                    fmt::format("run:{}:{}", numbers.back(),
                                window.offset + static_cast<std::int64_t>(numbers.size())));
        }
        load_run_data(connection, page.items, search.columns);
        if (search.children) count_children(connection, experiments, page.items);
        return page;
    });
}

RunFrame Service::run_frame(sql::Connection& connection,
                            const std::vector<std::int64_t>& experiments, View view,
                            const std::vector<search::Comparison>& attributes) {
    return RunFrame(
        connection, experiments,
        [&](Statement& statement) { append_runs(statement, view, attributes); },
        [this, &connection](std::string_view key) { return find_key(connection, key); });
}

api::Page<Run> Service::search_runs(std::string_view project_id,
                                    const std::vector<std::string>& experiment_ids,
                                    const Search& search) {
    auto page = find_runs(project_id, experiment_ids, search);
    return {std::move(page.items), std::move(page.next_page_token)};
}

std::pair<RunFrame, std::vector<char>> Service::matching_runs(
    sql::Connection& connection, const std::vector<std::int64_t>& experiments,
    std::string_view filter) {
    auto conditions = parse_conditions(filter);
    RunFrame frame = run_frame(connection, experiments, View::active, conditions.attributes);
    auto kept = matching(frame, conditions.logged);
    return {std::move(frame), std::move(kept)};
}

void Service::count_children(sql::Connection& connection,
                             const std::vector<std::int64_t>& experiments, std::vector<Run>& runs) {
    std::unordered_map<std::string_view, Run*> by_id;
    for (auto& run : runs) by_id.emplace(run.id, &run);
    for (auto experiment : experiments)
        connection.query(
            "SELECT t.value FROM tracking_tags t JOIN tracking_runs r ON r.number = t.run WHERE "
            "t.experiment = $1 AND t.key = 'mlflow.parentRunId' AND r.deleted = 0",
            {experiment}, [&](const sql::Row& row) {
                auto found = by_id.find(row.text(0));
                if (found != by_id.end()) ++found->second->child_count;
            });
}

}  // namespace maru::tracking
