#include "tracking/search/filter.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/search/lexer.hpp"

namespace maru::tracking::search {
namespace {

// Below what SQLite takes in one statement: depth of an expression, variables, length of a pattern,
// joins.
constexpr std::size_t kComparisonsMax = 200;
constexpr std::size_t kListValuesMax = 10'000;
constexpr std::size_t kTextBytesMax = 16'384;
constexpr std::size_t kOrderTermsMax = 20;

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

class Parser {
  public:
    Parser(std::string_view filter, const Grammar& grammar)
        : filter_(filter), lexer_(filter), grammar_(grammar) {
        advance();
    }

    std::vector<Comparison> parse() {
        std::vector<Comparison> comparisons;
        if (token_.kind == Token::Kind::end) return comparisons;
        while (true) {
            if (comparisons.size() == kComparisonsMax)
                reject("Invalid filter: more than {} comparisons", kComparisonsMax);
            comparisons.push_back(comparison());
            if (token_.kind == Token::Kind::end) return comparisons;
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

    Comparison comparison() {
        if (token_.kind != Token::Kind::word)
            reject("Invalid comparison clause. Expected 'Identifier' found '{}'", token_.raw);
        Identifier identifier = resolve(token_.text, grammar_, false);
        advance();
        Comparison result{.subject = identifier.subject, .key = identifier.key};
        std::string symbol = shown(token_);
        result.comparator = comparator();
        if (result.comparator == Comparator::is_null ||
            result.comparator == Comparator::is_not_null) {
            check_nullable(identifier);
            return result;
        }
        if (result.comparator == Comparator::in || result.comparator == Comparator::not_in) {
            std::size_t from = lexer_.position() - token_.raw.size();
            check_list_start();
            result.value = list();
            check_takes_lists(identifier, filter_.substr(from, list_end_ - from));
            return result;
        }
        // The value first, as MLflow does: of two mistakes it names that one.
        result.value = value(identifier);
        check_comparator(identifier, result.comparator, symbol);
        return result;
    }

    Comparator comparator() {
        static const std::map<std::string, Comparator, std::less<>> symbols{
            {"=", Comparator::equal},         {"==", Comparator::equal},
            {"!=", Comparator::not_equal},    {"<", Comparator::less},
            {"<=", Comparator::less_equal},   {">", Comparator::greater},
            {">=", Comparator::greater_equal}};
        if (token_.kind == Token::Kind::comparator) {
            auto found = symbols.find(token_.text);
            if (found == symbols.end())
                reject("Invalid comparator '{}' not one of =, !=, <, <=, >, >=, LIKE, ILIKE, IN",
                       token_.raw);
            advance();
            return found->second;
        }
        if (take_word("LIKE")) return Comparator::like;
        if (take_word("ILIKE")) return Comparator::ilike;
        if (take_word("IN")) return Comparator::in;
        if (take_word("NOT")) {
            if (take_word("IN")) return Comparator::not_in;
            reject("Invalid comparison clause: expected IN after NOT, found {}", shown(token_));
        }
        if (take_word("IS")) {
            bool negated = take_word("NOT");
            if (take_word("NULL")) return negated ? Comparator::is_not_null : Comparator::is_null;
            reject("Invalid comparison clause: expected NULL after IS, found {}", shown(token_));
        }
        reject("Invalid comparison clause in '{}': expected a comparator, found {}", filter_,
               shown(token_));
    }

    static bool is_numeric(const Identifier& identifier) {
        return identifier.subject == Subject::metric ||
               (identifier.attribute && identifier.attribute->numeric);
    }

    static std::string_view subject_name(Subject subject) {
        switch (subject) {
            case Subject::attribute:
                return "attribute";
            case Subject::metric:
                return "metric";
            case Subject::parameter:
                return "parameter";
            case Subject::tag:
                return "tag";
            case Subject::dataset:
                return "dataset";
        }
        return "";
    }

    void check_nullable(const Identifier& identifier) const {
        bool nullable = grammar_.tags_null && (identifier.subject == Subject::tag ||
                                               identifier.subject == Subject::parameter);
        if (!nullable)
            reject("IS NULL / IS NOT NULL is only supported for tags and params, not for '{}' '{}'",
                   subject_name(identifier.subject), identifier.key);
    }

    void check_takes_lists(const Identifier& identifier, std::string_view list) const {
        bool takes_lists = identifier.subject == Subject::dataset ||
                           (identifier.attribute && identifier.attribute->lists);
        if (takes_lists) return;
        if (is_numeric(identifier)) fail_number(identifier, list);
        if (identifier.subject != Subject::attribute)
            reject("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                   subject_name(identifier.subject), list);
        std::vector<std::string> names;
        for (const auto& [name, attribute] : grammar_.attributes)
            if (attribute.lists) names.push_back(name);
        reject("Only ['{}'] attributes support comparison with a list of quoted string values.",
               fmt::join(names, "', '"));
    }

    void check_comparator(const Identifier& identifier, Comparator comparator,
                          std::string_view symbol) const {
        bool ordering = comparator >= Comparator::less && comparator <= Comparator::greater_equal;
        bool equality = comparator == Comparator::equal || comparator == Comparator::not_equal;
        bool like = comparator == Comparator::like || comparator == Comparator::ilike;
        bool numeric = is_numeric(identifier);
        if (numeric ? !(ordering || equality) : !(equality || like))
            reject("Invalid comparator '{}' not one of {}", symbol,
                   numeric ? "=, !=, <, <=, >, >=" : "=, !=, LIKE, ILIKE");
    }

    [[noreturn]] static void fail_number(const Identifier& identifier, std::string_view found) {
        if (identifier.subject == Subject::metric)
            reject("Expected numeric value type for metric. Found {}", found);
        reject("Expected numeric value type for numeric attribute: {}. Found {}", identifier.key,
               found);
    }

    Literal value(const Identifier& identifier) {
        Token token = token_;
        advance();
        if (is_numeric(identifier)) {
            if (token.kind != Token::Kind::number) fail_number(identifier, shown(token));
            if (identifier.subject == Subject::metric) return number(token);
            if (auto integer = parse_int(token.text)) return *integer;
            return number(token);
        }
        if (token.kind == Token::Kind::word)
            reject(
                "Parameter value is either not quoted or unidentified quote types used for string "
                "value {}. Use either single or double quotes.",
                token.raw);
        if (token.kind != Token::Kind::text) {
            if (identifier.subject == Subject::attribute)
                reject("Expected a quoted string value for attributes. Got value {}", shown(token));
            if (identifier.subject == Subject::dataset)
                reject("Expected a quoted string value for dataset attributes. Got value {}",
                       shown(token));
            reject("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                   subject_name(identifier.subject), shown(token));
        }
        if (token.text.size() > kTextBytesMax)
            reject("Invalid filter: a value is longer than {} bytes", kTextBytesMax);
        return token.text;
    }

    static std::string shown(const Token& token) {
        return token.kind == Token::Kind::end ? "nothing" : token.raw;
    }

    static double number(const Token& token) {
        double result = 0;
        const char* begin = token.text.data() + (token.text.starts_with('+') ? 1 : 0);
        const char* end = token.text.data() + token.text.size();
        auto [last, error] = std::from_chars(begin, end, result);
        if (last != end || (error != std::errc{} && error != std::errc::result_out_of_range))
            reject("Expected a number, found {}", token.raw);
        return result;
    }

    void check_list_start() const {
        if (token_.kind != Token::Kind::symbol || token_.text != "(")
            reject("While parsing a list in the query, expected '(', found {}", shown(token_));
    }

    std::vector<std::string> list() {
        advance();
        std::vector<std::string> values;
        if (token_.kind == Token::Kind::symbol && token_.text == ")")
            reject(
                "While parsing a list in the query, expected a non-empty list of string values, "
                "but got empty list");
        while (true) {
            if (token_.kind != Token::Kind::text)
                reject(
                    "While parsing a list in the query, expected a non-empty list of string "
                    "values, "
                    "but got ill-formed list.");
            if (++list_values_ > kListValuesMax)
                reject("Invalid filter: more than {} values in lists", kListValuesMax);
            values.push_back(token_.text);
            advance();
            bool comma = token_.kind == Token::Kind::symbol && token_.text == ",";
            if (comma) advance();
            if (token_.kind == Token::Kind::symbol && token_.text == ")") {
                list_end_ = lexer_.position();
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
    const Grammar& grammar_;
    Token token_;
    std::size_t list_values_ = 0;
    std::size_t list_end_ = 0;  // behind the last list's parenthesis
};

}  // namespace

void check_terms(std::string_view name, std::size_t count) {
    if (count > kOrderTermsMax) reject("`{}` has more than {} terms", name, kOrderTermsMax);
}

std::vector<Comparison> parse_filter(std::string_view filter, const Grammar& grammar) {
    return Parser(filter, grammar).parse();
}

Order parse_order(std::string_view clause, const Grammar& grammar) {
    Lexer lexer(clause);
    Token name = lexer.next();
    if (name.kind != Token::Kind::word)
        reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
    Token direction = lexer.next();
    Order order;
    if (direction.kind != Token::Kind::end) {
        std::string word = upper(direction.text);
        if (direction.kind != Token::Kind::word || (word != "ASC" && word != "DESC"))
            reject("Invalid ordering key in order_by clause '{}'.", clause);
        order.ascending = word == "ASC";
        if (lexer.next().kind != Token::Kind::end)
            reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
    }
    if (name.text.find('.') == std::string::npos && !grammar.attributes.contains(name.text))
        reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
    Identifier identifier = resolve(name.text, grammar, true);
    if (identifier.subject == Subject::dataset) reject("Invalid identifier type 'dataset'");
    order.subject = identifier.subject;
    order.key = identifier.key;
    return order;
}

}  // namespace maru::tracking::search
