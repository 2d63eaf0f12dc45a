#include "tracking/search/filter.hpp"

#include <fmt/ranges.h>

#include <optional>

namespace maru::tracking::search {
namespace {

// Below the depth of an expression that SQLite takes.
constexpr std::size_t kComparisonsMax = 200;

struct Identifier {
    Subject subject = Subject::attribute;
    std::string key;
    const Grammar::Attribute* attribute = nullptr;
};

std::string attribute_names(const Grammar& grammar, bool for_order) {
    std::vector<std::string> names;
    for (const auto& [name, attribute] : grammar.attributes)
        if (for_order ? attribute.orderable : attribute.filterable) names.push_back(name);
    return fmt::format("'{}'", fmt::join(names, "', '"));
}

std::optional<Subject> subject_from(std::string_view name) {
    static const std::map<std::string, Subject, std::less<>> names{
        {"metric", Subject::metric},
        {"metrics", Subject::metric},
        {"parameter", Subject::parameter},
        {"parameters", Subject::parameter},
        {"param", Subject::parameter},
        {"params", Subject::parameter},
        {"tag", Subject::tag},
        {"tags", Subject::tag},
        {"attribute", Subject::attribute},
        {"attributes", Subject::attribute},
        {"attr", Subject::attribute},
        {"run", Subject::attribute},
        {"dataset", Subject::dataset},
        {"datasets", Subject::dataset}};
    auto found = names.find(name);
    return found == names.end() ? std::nullopt : std::optional(found->second);
}

bool allows(const Grammar& grammar, Subject subject) {
    switch (subject) {
        case Subject::attribute:
            return true;
        case Subject::metric:
            return grammar.metrics;
        case Subject::parameter:
            return grammar.parameters;
        case Subject::tag:
            return grammar.tags;
        case Subject::dataset:
            return grammar.datasets;
    }
    return false;
}

std::string entity_names(const Grammar& grammar) {
    std::vector<std::string> names;
    if (grammar.metrics) names.emplace_back("metric");
    if (grammar.parameters) names.emplace_back("parameter");
    if (grammar.tags) names.emplace_back("tag");
    names.emplace_back("attribute");
    if (grammar.datasets) names.emplace_back("dataset");
    return fmt::format("['{}']", fmt::join(names, "', '"));
}

Identifier resolve(const std::string& name, const Grammar& grammar, bool for_order) {
    Identifier identifier;
    auto dot = name.find('.');
    if (dot == std::string::npos) {
        identifier.key = name;
    } else {
        std::string entity = name.substr(0, dot);
        auto subject = subject_from(entity);
        if (!subject || !allows(grammar, *subject))
            reject("Invalid entity type '{}'. Valid values are {}", entity, entity_names(grammar));
        identifier.subject = *subject;
        identifier.key = name.substr(dot + 1);
    }
    if (identifier.key.empty())
        reject(
            "Invalid identifier '{}'. Columns should be specified as 'attribute.<key>', "
            "'metric.<key>', 'tag.<key>', 'dataset.<key>', or 'param.<key>'.",
            name);
    if (identifier.subject == Subject::attribute) {
        auto found = grammar.attributes.find(identifier.key);
        if (found == grammar.attributes.end() ||
            !(for_order ? found->second.orderable : found->second.filterable))
            reject("Invalid attribute key '{}' specified. Valid keys are {}", identifier.key,
                   attribute_names(grammar, for_order));
        identifier.attribute = &found->second;
        identifier.key = found->second.canonical;
    }
    if (identifier.subject == Subject::dataset && identifier.key != "name" &&
        identifier.key != "digest" && identifier.key != "context")
        reject("Invalid dataset key '{}' specified. Valid keys are 'name', 'digest', 'context'",
               identifier.key);
    return identifier;
}

bool is_numeric(const Identifier& identifier) {
    return identifier.subject == Subject::metric ||
           (identifier.attribute && identifier.attribute->numeric);
}

std::string_view subject_name(Subject subject) {
    static constexpr std::string_view kNames[] = {"attribute", "metric", "parameter", "tag",
                                                  "dataset"};
    return kNames[static_cast<std::size_t>(subject)];
}

void check_nullable(const Identifier& identifier, const Grammar& grammar) {
    bool nullable = grammar.tags_null && (identifier.subject == Subject::tag ||
                                          identifier.subject == Subject::parameter);
    if (!nullable)
        reject("IS NULL / IS NOT NULL is only supported for tags and params, not for '{}' '{}'",
               subject_name(identifier.subject), identifier.key);
}

[[noreturn]] void fail_number(const Identifier& identifier, std::string_view found) {
    if (identifier.subject == Subject::metric)
        reject("Expected numeric value type for metric. Found {}", found);
    reject("Expected numeric value type for numeric attribute: {}. Found {}", identifier.key,
           found);
}

void check_takes_lists(const Identifier& identifier, const Grammar& grammar,
                       std::string_view list) {
    bool takes_lists = identifier.subject == Subject::dataset ||
                       (identifier.attribute && identifier.attribute->lists);
    if (takes_lists) return;
    if (is_numeric(identifier)) fail_number(identifier, list);
    if (identifier.subject != Subject::attribute)
        reject("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
               subject_name(identifier.subject), list);
    std::vector<std::string> names;
    for (const auto& [name, attribute] : grammar.attributes)
        if (attribute.lists) names.push_back(name);
    reject("Only ['{}'] attributes support comparison with a list of quoted string values.",
           fmt::join(names, "', '"));
}

void check_comparator(const Identifier& identifier, Comparator comparator,
                      std::string_view symbol) {
    bool equality = comparator == Comparator::equal || comparator == Comparator::not_equal;
    bool like = comparator == Comparator::like || comparator == Comparator::ilike;
    bool numeric = is_numeric(identifier);
    if (numeric ? !(is_ordering(comparator) || equality) : !(equality || like))
        reject("Invalid comparator '{}' not one of {}", symbol,
               numeric ? "=, !=, <, <=, >, >=" : "=, !=, LIKE, ILIKE");
}

Literal value_of(const Identifier& identifier, const Token& token) {
    if (is_numeric(identifier)) {
        if (token.kind != Token::Kind::number) fail_number(identifier, shown(token));
        return identifier.subject == Subject::metric ? to_double(token) : to_number(token);
    }
    if (const auto* text = to_text(token)) return *text;
    if (identifier.subject == Subject::attribute)
        reject("Expected a quoted string value for attributes. Got value {}", shown(token));
    if (identifier.subject == Subject::dataset)
        reject("Expected a quoted string value for dataset attributes. Got value {}", shown(token));
    reject("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
           subject_name(identifier.subject), shown(token));
}

Comparison read_comparison(ComparisonReader& reader, const Grammar& grammar) {
    Identifier identifier = resolve(reader.take_name(), grammar, false);
    Comparison result{.subject = identifier.subject, .key = identifier.key};
    std::string symbol = shown(reader.next());
    result.comparator = reader.take_comparator();
    if (takes_nothing(result.comparator)) {
        check_nullable(identifier, grammar);
    } else if (takes_list(result.comparator)) {
        result.value = reader.take_list();
        check_takes_lists(identifier, grammar, reader.list_text());
    } else {
        // The value first, as MLflow does: of two mistakes it names that one.
        result.value = value_of(identifier, reader.take());
        check_comparator(identifier, result.comparator, symbol);
    }
    return result;
}

}  // namespace

std::vector<Comparison> parse_filter(std::string_view filter, const Grammar& grammar) {
    std::vector<Comparison> comparisons;
    ComparisonReader reader(filter, {.comparisons = kComparisonsMax});
    reader.each([&] { comparisons.push_back(read_comparison(reader, grammar)); });
    return comparisons;
}

Order parse_order(std::string_view clause, const Grammar& grammar) {
    auto [name, ascending] = read_order(clause);
    if (name.find('.') == std::string::npos && !grammar.attributes.contains(name))
        reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
    Identifier identifier = resolve(name, grammar, true);
    if (identifier.subject == Subject::dataset) reject("Invalid identifier type 'dataset'");
    return {.subject = identifier.subject, .key = identifier.key, .ascending = ascending};
}

}  // namespace maru::tracking::search
