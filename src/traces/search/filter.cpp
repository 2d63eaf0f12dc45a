#include "traces/search/filter.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace maru::traces::search {
namespace {

using tracking::search::ComparisonReader;
using tracking::search::reject;
using tracking::search::shown;
using tracking::search::Token;

// Fewer than of runs: each is a query within the query.
constexpr std::size_t kConditionsMax = 100;

constexpr std::string_view kNameTag = "mlflow.traceName";
constexpr std::string_view kRunMetadata = "mlflow.sourceRun";
constexpr std::string_view kPromptTag = "mlflow.linkedPrompts";

using Names = std::map<std::string, Subject, std::less<>>;

const Names& attributes() {
    static const Names names{{"request_id", Subject::id},
                             {"trace_id", Subject::id},
                             {"timestamp", Subject::started_at},
                             {"timestamp_ms", Subject::started_at},
                             {"execution_time", Subject::duration},
                             {"execution_time_ms", Subject::duration},
                             {"end_time", Subject::ended_at},
                             {"end_time_ms", Subject::ended_at},
                             {"status", Subject::state},
                             {"client_request_id", Subject::client_request_id},
                             {"name", Subject::name},
                             {"run_id", Subject::run},
                             {"prompt", Subject::prompt},
                             {"text", Subject::span_content}};
    return names;
}

const Names& orderable() {
    static const Names names{{"experiment_id", Subject::experiment},
                             {"request_id", Subject::id},
                             {"trace_id", Subject::id},
                             {"timestamp", Subject::started_at},
                             {"timestamp_ms", Subject::started_at},
                             {"execution_time", Subject::duration},
                             {"execution_time_ms", Subject::duration},
                             {"end_time", Subject::ended_at},
                             {"end_time_ms", Subject::ended_at},
                             {"status", Subject::state},
                             {"name", Subject::name},
                             {"run_id", Subject::run}};
    return names;
}

std::string listed(const Names& names) {
    std::vector<std::string> keys;
    for (const auto& [name, subject] : names) keys.push_back(name);
    return fmt::format("'{}'", fmt::join(keys, "', '"));
}

struct Identifier {
    Subject subject = Subject::id;
    std::string key;
};

Identifier attribute(const std::string& key, const Names& names) {
    auto found = names.find(key);
    if (found == names.end())
        reject("Invalid attribute key '{}' specified. Valid keys are {}", key, listed(names));
    return {found->second, ""};
}

Identifier span_field(const std::string& key) {
    if (key == "name") return {Subject::span_name, ""};
    if (key == "type") return {Subject::span_type, ""};
    if (key == "status") return {Subject::span_status, ""};
    if (key == "content") return {Subject::span_content, ""};
    constexpr std::string_view kPrefix = "attributes.";
    if (!key.starts_with(kPrefix))
        reject(
            "Invalid span attribute '{}'. Supported attributes: name, status, type, "
            "attributes.<attribute_name>.",
            key);
    std::string name = key.substr(kPrefix.size());
    if (name.empty()) reject("Span attribute name cannot be empty after 'attributes.'");
    return {Subject::span_attribute, name};
}

Identifier resolve(const std::string& word, const Names& names) {
    auto dot = word.find('.');
    if (dot == std::string::npos) return attribute(word, names);
    std::string entity = word.substr(0, dot), key = word.substr(dot + 1);
    if (entity == "attribute" || entity == "attributes" || entity == "attr" || entity == "trace")
        return attribute(key, names);
    if (key.empty()) reject("Invalid identifier '{}': a name is missing after the '.'", word);
    if (entity == "tag" || entity == "tags") {
        if (key == kNameTag) return {Subject::name, ""};
        if (key == kPromptTag) return {Subject::prompt, ""};
        return {Subject::tag, key};
    }
    if (entity == "metadata" || entity == "request_metadata") {
        if (key == kRunMetadata) return {Subject::run, ""};
        return {Subject::metadata, key};
    }
    if (entity == "span") return span_field(key);
    if (entity == "feedback") return {Subject::feedback, key};
    if (entity == "expectation") return {Subject::expectation, key};
    if (entity == "issue") {
        if (key != "id") reject("Invalid issue attribute '{}'. Supported attributes: id", key);
        return {Subject::issue, ""};
    }
    reject(
        "Invalid entity type '{}'. Valid values are 'attribute', 'attributes', 'expectation', "
        "'feedback', 'issue', 'metadata', 'request_metadata', 'span', 'tag', 'tags', 'trace'",
        entity);
}

bool is_numeric(Subject subject) {
    return subject == Subject::started_at || subject == Subject::duration ||
           subject == Subject::ended_at;
}

bool is_assessment(Subject subject) {
    return subject == Subject::feedback || subject == Subject::expectation;
}

/// The comparators that a subject takes, as MLflow lists them.
std::vector<Comparator> comparators_of(Subject subject) {
    using enum Comparator;
    switch (subject) {
        case Subject::started_at:
        case Subject::duration:
        case Subject::ended_at:
            return {equal, not_equal, less, less_equal, greater, greater_equal};
        case Subject::tag:
        case Subject::metadata:
            return {equal, not_equal, like, ilike, rlike, is_null, is_not_null};
        case Subject::name:
        case Subject::run:
            return {equal, not_equal, in, not_in, like, ilike, rlike, is_null, is_not_null};
        case Subject::feedback:
        case Subject::expectation:
            return {equal, not_equal, less,  less_equal, greater,    greater_equal,
                    like,  ilike,     rlike, is_null,    is_not_null};
        case Subject::span_content:
            return {like, ilike};
        case Subject::issue:
        case Subject::prompt:
            return {equal};
        default:
            return {equal, not_equal, in, not_in, like, ilike, rlike};
    }
}

void check_comparator(const std::string& name, const Condition& condition) {
    auto allowed = comparators_of(condition.subject);
    if (std::ranges::find(allowed, condition.comparator) != allowed.end()) return;
    std::vector<std::string_view> symbols;
    for (auto known : allowed) symbols.push_back(symbol(known));
    reject("{} comparator '{}' not one of '{}'", name, symbol(condition.comparator),
           fmt::join(symbols, "', '"));
}

Literal value_of(const std::string& name, const Condition& condition, const Token& token) {
    bool compares_scores = is_assessment(condition.subject) && is_ordering(condition.comparator);
    if (compares_scores && token.kind != Token::Kind::number)
        reject("Expected a numeric value for {} when using comparator '{}'. Got value {}", name,
               symbol(condition.comparator), shown(token));
    if (compares_scores || is_numeric(condition.subject)) {
        if (token.kind != Token::Kind::number)
            reject("Expected a numeric value for {}. Got value {}", name, shown(token));
        return to_number(token);
    }
    const auto* text = to_text(token);
    if (!text)
        reject("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}", name,
               shown(token));
    if (condition.subject == Subject::prompt && std::ranges::count(*text, '/') != 1)
        reject("Invalid prompts filter value '{}'. Expected format: prompt = \"name/version\"",
               *text);
    return *text;
}

Condition read_condition(ComparisonReader& reader) {
    std::string name = reader.take_name();
    Identifier identifier = resolve(name, attributes());
    Condition result{.subject = identifier.subject, .key = identifier.key};
    result.comparator = reader.take_comparator();
    check_comparator(name, result);
    if (takes_list(result.comparator))
        result.value = reader.take_list();
    else if (!takes_nothing(result.comparator))
        result.value = value_of(name, result, reader.take());
    return result;
}

}  // namespace

bool is_span(Subject subject) {
    return subject >= Subject::span_name && subject <= Subject::span_content;
}

std::vector<Condition> parse_filter(std::string_view filter) {
    std::vector<Condition> conditions;
    ComparisonReader reader(filter, {.comparisons = kConditionsMax, .regular_expressions = true});
    reader.each([&] { conditions.push_back(read_condition(reader)); });
    return conditions;
}

Order parse_order(std::string_view clause) {
    auto [name, ascending] = tracking::search::read_order(clause);
    Identifier identifier = resolve(name, orderable());
    bool known = identifier.subject == Subject::tag || identifier.subject == Subject::metadata ||
                 identifier.subject <= Subject::run;
    if (!known) reject("Invalid identifier type '{}'", name.substr(0, name.find('.')));
    return {.subject = identifier.subject, .key = identifier.key, .ascending = ascending};
}

std::vector<Order> parse_orders(const std::vector<std::string>& clauses) {
    tracking::search::check_terms("order_by", clauses.size());
    std::vector<Order> orders;
    for (const auto& clause : clauses) {
        Order order = parse_order(clause);
        for (const auto& other : orders)
            if (other.subject == order.subject && other.key == order.key)
                reject("`order_by` contains duplicate fields: {}", fmt::join(clauses, ", "));
        orders.push_back(std::move(order));
    }
    return orders;
}

}  // namespace maru::traces::search
