#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "traces/rows.hpp"
#include "traces/search/match.hpp"
#include "traces/search/statement.hpp"
#include "traces/service.hpp"

namespace maru::traces {
namespace {

using search::Condition;
using search::Matcher;
using search::Order;
using search::Statement;

// Traces whose spans, or whose values, one request reads to find what no index can tell.
constexpr std::size_t kReadAtOnce = 20'000;
constexpr std::size_t kBatch = 200;

struct Scope {
    std::vector<std::int64_t> experiments;
    std::vector<Condition> conditions;
};

void append_where(Statement& statement, const Scope& scope) {
    statement += " WHERE t.experiment IN ";
    statement.list(scope.experiments);
    for (const auto& condition : scope.conditions)
        search::append_condition(statement, condition, scope.experiments);
    search::append_span_conditions(statement, scope.conditions, scope.experiments);
}

/// The numbers of traces that meet what the database can tell, in order.
std::vector<std::int64_t> candidates(sql::Connection& connection, const Scope& scope,
                                     const std::vector<Order>& orders, std::int64_t limit,
                                     std::int64_t offset) {
    Statement statement;
    statement += "SELECT t.number FROM traces t";
    search::append_order_joins(statement, orders);
    append_where(statement, scope);
    search::append_order(statement, orders);
    statement += " LIMIT ";
    statement << limit;
    statement += " OFFSET ";
    statement << offset;
    return connection.all(statement.text(), statement.values(),
                          [](const sql::Row& row) { return row.integer(0); });
}

/// Looks at candidates one by one until `results_max` match; returns how many it has looked at.
std::size_t look_through(sql::Connection& connection, std::string_view project_id,
                         const Matcher& matcher, const std::vector<std::int64_t>& numbers,
                         std::size_t results_max, std::vector<std::int64_t>& found) {
    for (std::size_t from = 0; from < numbers.size(); from += kBatch) {
        auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(from);
        auto end = begin + static_cast<std::ptrdiff_t>(std::min(kBatch, numbers.size() - from));
        std::vector<Trace> batch;
        if (matcher.needs_traces()) {
            batch = load_traces(connection, project_id, {begin, end});
        } else {
            for (auto number = begin; number != end; ++number)
                batch.emplace_back().number = *number;
        }
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (matcher.matches(batch[i], [&] { return load_lines(connection, batch[i].number); }))
                found.push_back(batch[i].number);
            if (found.size() == results_max) return from + i + 1;
        }
    }
    return numbers.size();
}

/// All traces that meet a filter, sorted by their numbers.
std::vector<std::int64_t> all_matching(sql::Connection& connection, std::string_view project_id,
                                       const std::vector<std::int64_t>& experiments,
                                       const std::string& filter) {
    Scope scope{experiments, search::parse_filter(filter)};
    Matcher matcher(scope.conditions);
    auto found = candidates(connection, scope, {}, INT64_MAX, 0);
    if (!matcher.is_empty()) {
        std::vector<std::int64_t> matching;
        look_through(connection, project_id, matcher, found,
                     std::numeric_limits<std::size_t>::max(), matching);
        found = std::move(matching);
    }
    std::ranges::sort(found);
    return found;
}

double npmi_of(double both, double only_first, double only_second, double neither) {
    constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
    double total = both + only_first + only_second + neither;
    double first = both + only_first, second = both + only_second;
    if (first <= 0 || second <= 0 || both <= 0) return kUndefined;
    double information = std::log(both) + std::log(total) - std::log(first) - std::log(second);
    double most = std::log(total) - std::log(both);
    return most == 0 ? kUndefined : std::clamp(information / most, -1.0, 1.0);
}

void add_npmi(FilterCorrelation& result) {
    result.npmi = result.npmi_smoothed = std::numeric_limits<double>::quiet_NaN();
    if (result.total <= 0 || result.first == 0 || result.second == 0) return;
    auto both = static_cast<double>(result.both);
    auto only_first = static_cast<double>(result.first - result.both);
    auto only_second = static_cast<double>(result.second - result.both);
    auto neither = static_cast<double>(result.total - result.first - result.second + result.both);
    if (only_first == 0 && only_second == 0 && neither == 0) {
        result.npmi = result.npmi_smoothed = 1;
        return;
    }
    constexpr double kPrior = 0.5;  // Jeffreys'
    result.npmi = result.both == 0 ? -1 : npmi_of(both, only_first, only_second, neither);
    result.npmi_smoothed =
        npmi_of(both + kPrior, only_first + kPrior, only_second + kPrior, neither + kPrior);
}

std::vector<std::int64_t> common(const std::vector<std::int64_t>& a,
                                 const std::vector<std::int64_t>& b) {
    std::vector<std::int64_t> result;
    std::ranges::set_intersection(a, b, std::back_inserter(result));
    return result;
}

}  // namespace

api::Page<Trace> Service::search(std::string_view project_id,
                                 const std::vector<std::string>& experiment_ids,
                                 const TraceSearch& search) {
    Scope scope{{}, search::parse_filter(search.filter)};
    auto orders = search::parse_orders(search.order_by);
    std::int64_t offset = tracking::search::decode_offset(search.page_token);
    Matcher matcher(scope.conditions);
    scope.experiments = experiment_numbers(project_id, experiment_ids);
    api::Page<Trace> page;
    if (scope.experiments.empty()) return page;
    database_.read([&](sql::Connection& connection) {
        std::vector<std::int64_t> found;
        std::int64_t next = 0;
        bool more = false;
        if (matcher.is_empty()) {
            found = candidates(connection, scope, orders, search.results_max + 1, offset);
            more = found.size() > static_cast<std::size_t>(search.results_max);
            if (more) found.pop_back();
            next = offset + search.results_max;
        } else {
            auto numbers = candidates(connection, scope, orders, kReadAtOnce + 1, offset);
            bool beyond = numbers.size() > kReadAtOnce;
            if (beyond) numbers.pop_back();
            auto seen = look_through(connection, project_id, matcher, numbers,
                                     static_cast<std::size_t>(search.results_max), found);
            more = beyond || seen < numbers.size();
            next = offset + static_cast<std::int64_t>(seen);
        }
        if (more) page.next_page_token = tracking::search::encode_offset(next);
        page.items = load_traces(connection, project_id, found);
    });
    return page;
}

FilterCorrelation Service::correlate(std::string_view project_id,
                                     const std::vector<std::string>& experiment_ids,
                                     const std::string& first, const std::string& second,
                                     const std::string& base) {
    auto experiments = experiment_numbers(project_id, experiment_ids);
    FilterCorrelation result;
    database_.read([&](sql::Connection& connection) {
        auto all = all_matching(connection, project_id, experiments, base);
        auto with_first = common(all, all_matching(connection, project_id, experiments, first));
        auto with_second = common(all, all_matching(connection, project_id, experiments, second));
        result.total = static_cast<std::int64_t>(all.size());
        result.first = static_cast<std::int64_t>(with_first.size());
        result.second = static_cast<std::int64_t>(with_second.size());
        result.both = static_cast<std::int64_t>(common(with_first, with_second).size());
    });
    add_npmi(result);
    return result;
}

}  // namespace maru::traces
