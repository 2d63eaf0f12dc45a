#include "tracking/search/filter.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::tracking::search {
namespace {

struct Token {
    enum class Kind { word, text, number, symbol, comparator, end };
    Kind kind = Kind::end;
    std::string text;  // of Kind::text: without its quotes
    std::string raw;   // as it stands
};

template <class... Args>
[[noreturn]] void reject(fmt::format_string<Args...> format, Args&&... args) {
    throw Error(ErrorCode::invalid_argument, fmt::format(format, std::forward<Args>(args)...));
}

bool is_word_character(char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte >= 0x80 || c == '_' || c == '.' || c == '/' || c == '-' || c == ':';
}

bool is_quote(char c) { return c == '\'' || c == '"' || c == '`'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return result;
}

/// Cuts the text into tokens. A quoted part that follows "metrics." belongs to the same word.
class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Token next() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
        if (at_ >= text_.size()) return {};
        char c = text_[at_];
        if (is_quote(c)) return quoted();
        if (c == '(' || c == ')' || c == ',') {
            ++at_;
            return {Token::Kind::symbol, std::string(1, c), std::string(1, c)};
        }
        if (c == '=' || c == '!' || c == '<' || c == '>') return comparator();
        bool sign = (c == '-' || c == '+') && at_ + 1 < text_.size() &&
                    (is_digit(text_[at_ + 1]) || text_[at_ + 1] == '.');
        if (is_digit(c) || sign) return number();
        if (is_word_character(c)) return word();
        reject("Invalid filter '{}': unexpected character '{}' at position {}", text_, c, at_ + 1);
    }

  private:
    std::string quoted_text() {
        char quote = text_[at_++];
        std::string content;
        while (at_ < text_.size()) {
            if (text_[at_] != quote) {
                content += text_[at_++];
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
                content += quote;
                at_ += 2;
            } else {
                ++at_;
                return content;
            }
        }
        reject("Invalid filter '{}': the quote {} is not closed", text_, quote);
    }

    Token quoted() {
        std::size_t from = at_;
        bool identifier = text_[at_] == '`';
        std::string content = quoted_text();
        // `metrics`.`loss`, or a name of an attribute in backticks.
        if (identifier || (at_ < text_.size() && text_[at_] == '.'))
            return word_rest(from, std::move(content));
        return {Token::Kind::text, std::move(content), std::string(text_.substr(from, at_ - from))};
    }

    Token word() { return word_rest(at_, ""); }

    Token word_rest(std::size_t from, std::string content) {
        while (at_ < text_.size()) {
            if (is_word_character(text_[at_]))
                content += text_[at_++];
            else if (is_quote(text_[at_]) && content.ends_with('.'))
                content += quoted_text();
            else
                break;
        }
        return {Token::Kind::word, std::move(content), std::string(text_.substr(from, at_ - from))};
    }

    Token number() {
        std::size_t from = at_++;
        while (at_ < text_.size() &&
               (is_digit(text_[at_]) || text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E' ||
                ((text_[at_] == '-' || text_[at_] == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))))
            ++at_;
        std::string raw(text_.substr(from, at_ - from));
        if (at_ < text_.size() && is_word_character(text_[at_])) {
            Token token = word_rest(from, raw);
            return token;
        }
        return {Token::Kind::number, raw, raw};
    }

    Token comparator() {
        std::size_t from = at_++;
        if (at_ < text_.size() && text_[at_] == '=') ++at_;
        std::string raw(text_.substr(from, at_ - from));
        return {Token::Kind::comparator, raw, raw};
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

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
        {"metric", Subject::metric},       {"metrics", Subject::metric},
        {"parameter", Subject::parameter}, {"parameters", Subject::parameter},
        {"param", Subject::parameter},     {"params", Subject::parameter},
        {"tag", Subject::tag},             {"tags", Subject::tag},
        {"attribute", Subject::attribute}, {"attributes", Subject::attribute},
        {"attr", Subject::attribute},      {"run", Subject::attribute},
        {"dataset", Subject::dataset},     {"datasets", Subject::dataset}};
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
        reject("Invalid identifier '{}'. Columns should be specified as 'attribute.<key>', "
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
            comparisons.push_back(comparison());
            if (token_.kind == Token::Kind::end) return comparisons;
            if (token_.kind != Token::Kind::word || upper(token_.text) != "AND")
                reject("Invalid clause(s) in filter string: '{}'. Expected comparisons joined by AND",
                       token_.raw);
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
        result.comparator = comparator();
        check_comparator(identifier, result.comparator);
        if (result.comparator == Comparator::is_null || result.comparator == Comparator::is_not_null)
            return result;
        if (result.comparator == Comparator::in || result.comparator == Comparator::not_in)
            result.value = list();
        else
            result.value = value(identifier);
        return result;
    }

    Comparator comparator() {
        static const std::map<std::string, Comparator, std::less<>> symbols{
            {"=", Comparator::equal},   {"==", Comparator::equal},
            {"!=", Comparator::not_equal}, {"<", Comparator::less},
            {"<=", Comparator::less_equal}, {">", Comparator::greater},
            {">=", Comparator::greater_equal}};
        if (token_.kind == Token::Kind::comparator) {
            auto found = symbols.find(token_.text);
            if (found == symbols.end()) reject("Invalid comparator '{}'", token_.raw);
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
        reject("Invalid comparison clause in '{}': expected a comparator, found {}", filter_, shown(token_));
    }

    void check_comparator(const Identifier& identifier, Comparator comparator) {
        bool numeric = identifier.subject == Subject::metric ||
                       (identifier.attribute && identifier.attribute->numeric);
        bool ordering = comparator >= Comparator::less && comparator <= Comparator::greater_equal;
        bool equality = comparator == Comparator::equal || comparator == Comparator::not_equal;
        bool like = comparator == Comparator::like || comparator == Comparator::ilike;
        bool list = comparator == Comparator::in || comparator == Comparator::not_in;
        bool null = comparator == Comparator::is_null || comparator == Comparator::is_not_null;
        if (null) {
            bool nullable = grammar_.tags_null && (identifier.subject == Subject::tag ||
                                                   identifier.subject == Subject::parameter);
            if (!nullable)
                reject("IS NULL / IS NOT NULL is only supported for tags and params, not for '{}'",
                       identifier.key);
            return;
        }
        if (list) {
            bool takes_lists = identifier.subject == Subject::dataset ||
                               (identifier.attribute && identifier.attribute->lists);
            if (!takes_lists)
                reject("'{}' does not support comparison with a list of quoted string values",
                       identifier.key);
            return;
        }
        if (numeric ? !(ordering || equality) : !(equality || like))
            reject("Invalid comparator for '{}': expected one of {}", identifier.key,
                   numeric ? "=, !=, <, <=, >, >=" : "=, !=, LIKE, ILIKE");
    }

    Literal value(const Identifier& identifier) {
        Token token = token_;
        advance();
        if (identifier.subject == Subject::metric) {
            if (token.kind != Token::Kind::number)
                reject("Expected numeric value type for metric. Found {}", shown(token));
            return number(token);
        }
        if (identifier.attribute && identifier.attribute->numeric) {
            if (token.kind != Token::Kind::number)
                reject("Expected numeric value type for numeric attribute: {}. Found {}", identifier.key,
                       shown(token));
            if (auto integer = parse_int(token.text)) return *integer;
            return number(token);
        }
        if (token.kind != Token::Kind::text) {
            if (identifier.subject == Subject::attribute)
                reject("Expected a quoted string value for attributes. Got value {}", shown(token));
            reject("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                   identifier.subject == Subject::tag         ? "tag"
                   : identifier.subject == Subject::parameter ? "parameter"
                                                              : "dataset",
                   shown(token));
        }
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

    std::vector<std::string> list() {
        if (token_.kind != Token::Kind::symbol || token_.text != "(")
            reject("While parsing a list in the query, expected '(', found {}", shown(token_));
        advance();
        std::vector<std::string> values;
        while (true) {
            if (token_.kind != Token::Kind::text)
                reject("While parsing a list in the query, expected a non-empty list of string values, "
                       "but got ill-formed list.");
            values.push_back(token_.text);
            advance();
            bool comma = token_.kind == Token::Kind::symbol && token_.text == ",";
            if (comma) advance();
            if (token_.kind == Token::Kind::symbol && token_.text == ")") {
                advance();
                return values;
            }
            if (!comma)
                reject("While parsing a list in the query, expected ',' or ')', found {}", shown(token_));
        }
    }

    std::string_view filter_;
    Lexer lexer_;
    const Grammar& grammar_;
    Token token_;
};

}  // namespace

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
    Identifier identifier = resolve(name.text, grammar, true);
    if (identifier.subject == Subject::dataset)
        reject("Invalid order_by entity 'dataset' in '{}'", clause);
    order.subject = identifier.subject;
    order.key = identifier.key;
    return order;
}

}  // namespace maru::tracking::search
