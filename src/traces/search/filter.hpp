#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tracking/search/comparison_reader.hpp"

/// MLflow's language to search traces by: comparisons joined by AND.
namespace maru::traces::search {

enum class Subject {
    id,
    started_at,
    duration,
    ended_at,
    state,
    name,
    client_request_id,
    experiment,  // only to order by
    run,
    prompt,
    tag,
    metadata,
    span_name,
    span_type,
    span_status,
    span_attribute,
    span_content,
    feedback,
    expectation,
    issue,
};

using tracking::search::Comparator;
using tracking::search::Literal;

/// One comparison: `tags.user = 'ada'`. `key` is that of a tag, an attribute, an assessment.
struct Condition {
    Subject subject = Subject::id;
    std::string key;
    Comparator comparator = Comparator::equal;
    Literal value;
};

struct Order {
    Subject subject = Subject::started_at;
    std::string key;
    bool ascending = false;
    bool operator==(const Order&) const = default;
};

bool is_span(Subject subject);

/// Pure. Throws invalid_argument, in MLflow's words where it has some. Example: filter_test.cpp.
std::vector<Condition> parse_filter(std::string_view filter);
Order parse_order(std::string_view clause);
/// Throws invalid_argument if a field is named twice or there are too many.
std::vector<Order> parse_orders(const std::vector<std::string>& clauses);

}  // namespace maru::traces::search
