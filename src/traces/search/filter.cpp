#include "traces/search/filter.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/text.hpp"
#include "tracking/search/lexer.hpp"

namespace maru::traces::search {
namespace {

using tracking::search::Lexer;
using tracking::search::reject;
using tracking::search::Token;
using tracking::search::upper;

constexpr std::size_t kConditionsMax = 100;
constexpr std::size_t kListValuesMax = 10'000;
constexpr std::size_t kTextBytesMax = 16'384;
constexpr std::size_t kOrdersMax = 20;

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

bool is_ordering(Comparator comparator) {
    return comparator >= Comparator::less && comparator <= Comparator::greater_equal;
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

std::string_view symbol(Comparator comparator) {
    static constexpr std::string_view kSymbols[] = {
        "=",     "!=",    "<",  "<=",     ">",       ">=",         "LIKE",
        "ILIKE", "RLIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"};
    return kSymbols[static_cast<std::size_t>(comparator)];
}

std::string shown(const Token& token) {
    return token.kind == Token::Kind::end ? "nothing" : token.raw;
}

class Parser {
  public:
    explicit Parser(std::string_view filter) : filter_(filter), lexer_(filter) { advance(); }

    std::vector<Condition> parse() {
        std::vector<Condition> conditions;
        if (token_.kind == Token::Kind::end) return conditions;
        while (true) {
            if (conditions.size() == kConditionsMax)
                reject("Invalid filter: more than {} comparisons", kConditionsMax);
            conditions.push_back(condition());
            if (token_.kind == Token::Kind::end) return conditions;
            if (token_.kind != Token::Kind::word || upper(token_.text) != "AND")
                reject("Invalid clause(s) in filter string: '{}'", token_.raw);
            advance();
            if (token_.kind == Token::Kind::end)
                reject("Invalid filter '{}': a comparison is missing after AND", filter_);
        }
    }

  private:
    void advance() { token_ = lexer_.next(); }

    bool take_word(std::string_view word) {
        if (token_.kind != Token::Kind::word || upper(token_.text) != word) return false;
        advance();
        return true;
    }

    Condition condition() {
        if (token_.kind != Token::Kind::word)
            reject("Invalid comparison clause. Expected 'Identifier' found '{}'", token_.raw);
        std::string word = token_.text;
        Identifier identifier = resolve(word, attributes());
        advance();
        Condition result{.subject = identifier.subject, .key = identifier.key};
        result.comparator = comparator();
        auto allowed = comparators_of(result.subject);
        if (std::ranges::find(allowed, result.comparator) == allowed.end()) {
            std::vector<std::string_view> names;
            for (auto known : allowed) names.push_back(symbol(known));
            reject("{} comparator '{}' not one of '{}'", word, symbol(result.comparator),
                   fmt::join(names, "', '"));
        }
        using enum Comparator;
        if (result.comparator == is_null || result.comparator == is_not_null) return result;
        result.value = result.comparator == in || result.comparator == not_in ? Literal(list())
                                                                              : value(word, result);
        return result;
    }

    Comparator comparator() {
        using enum Comparator;
        static const std::map<std::string, Comparator, std::less<>> symbols{
            {"=", equal},       {"==", equal},  {"!=", not_equal},    {"<", less},
            {"<=", less_equal}, {">", greater}, {">=", greater_equal}};
        if (token_.kind == Token::Kind::comparator) {
            auto found = symbols.find(token_.text);
            if (found == symbols.end()) reject("Invalid comparator '{}'", token_.raw);
            advance();
            return found->second;
        }
        if (take_word("LIKE")) return like;
        if (take_word("ILIKE")) return ilike;
        if (take_word("RLIKE")) return rlike;
        if (take_word("IN")) return in;
        if (take_word("NOT")) {
            if (take_word("IN")) return not_in;
            reject("Invalid comparison clause: expected IN after NOT, found {}", shown(token_));
        }
        if (take_word("IS")) {
            bool negated = take_word("NOT");
            if (take_word("NULL")) return negated ? is_not_null : is_null;
            reject("Invalid comparison clause: expected NULL after IS, found {}", shown(token_));
        }
        reject("Invalid clause(s) in filter string: '{}': expected a comparator, found {}", filter_,
               shown(token_));
    }

    Literal value(const std::string& word, const Condition& condition) {
        Token token = token_;
        advance();
        bool number = is_numeric(condition.subject);
        if (is_assessment(condition.subject) && is_ordering(condition.comparator)) {
            if (token.kind != Token::Kind::number)
                reject("Expected a numeric value for {} when using comparator '{}'. Got value {}",
                       word, symbol(condition.comparator), shown(token));
            number = true;
        }
        if (number) return to_number(word, token);
        if (token.kind == Token::Kind::text) {
            if (token.text.size() > kTextBytesMax)
                reject("Invalid filter: a value is longer than {} bytes", kTextBytesMax);
            return checked(condition, token.text);
        }
        if (token.kind == Token::Kind::word)
            reject(
                "Parameter value is either not quoted or unidentified quote types used for string "
                "value {}. Use either single or double quotes.",
                token.raw);
        reject("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}", word,
               shown(token));
    }

    static Literal checked(const Condition& condition, const std::string& text) {
        if (condition.subject == Subject::prompt && std::ranges::count(text, '/') != 1)
            reject("Invalid prompts filter value '{}'. Expected format: prompt = \"name/version\"",
                   text);
        return text;
    }

    static Literal to_number(const std::string& word, const Token& token) {
        if (token.kind != Token::Kind::number)
            reject("Expected a numeric value for {}. Got value {}", word, shown(token));
        if (auto integer = parse_int(token.text)) return *integer;
        double number = 0;
        const char* begin = token.text.data() + (token.text.starts_with('+') ? 1 : 0);
        const char* end = token.text.data() + token.text.size();
        auto [last, error] = std::from_chars(begin, end, number);
        if (last != end || error != std::errc{}) reject("Expected a number, found {}", token.raw);
        return number;
    }

    std::vector<std::string> list() {
        if (token_.kind != Token::Kind::symbol || token_.text != "(")
            reject("While parsing a list in the query, expected '(', found {}", shown(token_));
        advance();
        std::vector<std::string> values;
        while (true) {
            if (token_.kind != Token::Kind::text)
                reject(
                    "While parsing a list in the query, expected a non-empty list of string "
                    "values, but got ill-formed list.");
            if (++list_values_ > kListValuesMax)
                reject("Invalid filter: more than {} values in lists", kListValuesMax);
            values.push_back(token_.text);
            advance();
            bool comma = token_.kind == Token::Kind::symbol && token_.text == ",";
            if (comma) advance();
            if (token_.kind == Token::Kind::symbol && token_.text == ")") {
                advance();
                return values;
            }
            if (!comma)
                reject("While parsing a list in the query, expected ',' or ')', found {}",
                       shown(token_));
        }
    }

    std::string_view filter_;
    Lexer lexer_;
    Token token_;
    std::size_t list_values_ = 0;
};

}  // namespace

bool is_span(Subject subject) {
    return subject >= Subject::span_name && subject <= Subject::span_content;
}

std::vector<Condition> parse_filter(std::string_view filter) {
    return Parser(filter).parse();
}

Order parse_order(std::string_view clause) {
    Lexer lexer(clause);
    Token name = lexer.next();
    if (name.kind != Token::Kind::word)
        reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
    Order order{.ascending = true};
    Token direction = lexer.next();
    if (direction.kind != Token::Kind::end) {
        std::string word = upper(direction.text);
        if (direction.kind != Token::Kind::word || (word != "ASC" && word != "DESC") ||
            lexer.next().kind != Token::Kind::end)
            reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
        order.ascending = word == "ASC";
    }
    Identifier identifier = resolve(name.text, orderable());
    bool known = identifier.subject == Subject::tag || identifier.subject == Subject::metadata ||
                 identifier.subject <= Subject::run;
    if (!known) reject("Invalid identifier type '{}'", name.text.substr(0, name.text.find('.')));
    order.subject = identifier.subject;
    order.key = identifier.key;
    return order;
}

std::vector<Order> parse_orders(const std::vector<std::string>& clauses) {
    if (clauses.size() > kOrdersMax) reject("`order_by` has more than {} terms", kOrdersMax);
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
