#include "tracking/search/comparison_reader.hpp"

#include <array>
#include <cstdlib>
#include <map>

#include "base/text.hpp"

namespace maru::tracking::search {
namespace {

// Below what SQLite takes in one statement: variables, length of a pattern, joins.
constexpr std::size_t kListValuesMax = 10'000;
constexpr std::size_t kTextBytesMax = 16'384;
constexpr std::size_t kOrderTermsMax = 20;

}  // namespace

std::string_view symbol(Comparator comparator) {
    static constexpr auto kSymbols =
        std::to_array<std::string_view>({"=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "RLIKE",
                                         "IN", "NOT IN", "IS NULL", "IS NOT NULL"});
    return kSymbols.at(static_cast<std::size_t>(comparator));
}

bool is_ordering(Comparator comparator) {
    return comparator >= Comparator::less && comparator <= Comparator::greater_equal;
}

bool takes_list(Comparator comparator) {
    return comparator == Comparator::in || comparator == Comparator::not_in;
}

bool takes_nothing(Comparator comparator) {
    return comparator == Comparator::is_null || comparator == Comparator::is_not_null;
}

std::string shown(const Token& token) {
    return token.kind == Token::Kind::end ? "nothing" : token.raw;
}

double to_double(const Token& token) {
    // A number that is too large for a double is an infinity, as Python reads it.
    char* last = nullptr;
    double number = std::strtod(token.text.c_str(), &last);
    if (last != token.text.c_str() + token.text.size())
        reject("Expected a number, found {}", token.raw);
    return number;
}

Literal to_number(const Token& token) {
    if (auto integer = parse_int(token.text)) return *integer;
    return to_double(token);
}

const std::string* to_text(const Token& token) {
    if (token.kind == Token::Kind::word)
        reject(
            "Parameter value is either not quoted or unidentified quote types used for string "
            "value {}. Use either single or double quotes.",
            token.raw);
    if (token.kind != Token::Kind::text) return nullptr;
    if (token.text.size() > kTextBytesMax)
        reject("Invalid filter: a value is longer than {} bytes", kTextBytesMax);
    return &token.text;
}

void ComparisonReader::each(const std::function<void()>& read) {
    if (token_.kind == Token::Kind::end) return;
    for (std::size_t count = 0;; ++count) {
        if (count == limits_.comparisons)
            reject("Invalid filter: more than {} comparisons", limits_.comparisons);
        read();
        if (token_.kind == Token::Kind::end) return;
        if (!take_word("AND")) reject("Invalid clause(s) in filter string: '{}'", token_.raw);
        if (token_.kind == Token::Kind::end)
            reject("Invalid filter '{}': a comparison is missing after AND", filter_);
    }
}

Token ComparisonReader::take() {
    Token taken = std::move(token_);
    advance();
    return taken;
}

bool ComparisonReader::take_word(std::string_view word) {
    if (token_.kind != Token::Kind::word || upper(token_.text) != word) return false;
    advance();
    return true;
}

bool ComparisonReader::is_symbol(std::string_view symbol) const {
    return token_.kind == Token::Kind::symbol && token_.text == symbol;
}

std::string ComparisonReader::take_name() {
    if (token_.kind != Token::Kind::word)
        reject("Invalid comparison clause. Expected 'Identifier' found '{}'", token_.raw);
    return take().text;
}

Comparator ComparisonReader::take_comparator() {
    using enum Comparator;
    static const std::map<std::string, Comparator, std::less<>> symbols{
        {"=", equal},       {"==", equal},  {"!=", not_equal},    {"<", less},
        {"<=", less_equal}, {">", greater}, {">=", greater_equal}};
    if (token_.kind == Token::Kind::comparator) {
        auto found = symbols.find(token_.text);
        if (found == symbols.end())
            reject("Invalid comparator '{}' not one of =, !=, <, <=, >, >=, LIKE, ILIKE, IN",
                   token_.raw);
        advance();
        return found->second;
    }
    if (take_word("LIKE")) return like;
    if (take_word("ILIKE")) return ilike;
    if (limits_.regular_expressions && take_word("RLIKE")) return rlike;
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
    reject("Invalid comparison clause in '{}': expected a comparator, found {}", filter_,
           shown(token_));
}

std::vector<std::string> ComparisonReader::take_list() {
    std::size_t from = lexer_.position() - token_.raw.size();
    if (!is_symbol("("))
        reject("While parsing a list in the query, expected '(', found {}", shown(token_));
    advance();
    if (is_symbol(")"))
        reject(
            "While parsing a list in the query, expected a non-empty list of string values, but "
            "got empty list");
    std::vector<std::string> values;
    while (true) {
        if (token_.kind != Token::Kind::text)
            reject(
                "While parsing a list in the query, expected a non-empty list of string values, "
                "but got ill-formed list.");
        if (++list_values_ > kListValuesMax)
            reject("Invalid filter: more than {} values in lists", kListValuesMax);
        values.push_back(take().text);
        bool comma = is_symbol(",");
        if (comma) advance();
        if (is_symbol(")")) {
            list_text_ = filter_.substr(from, lexer_.position() - from);
            advance();
            return values;
        }
        if (!comma)
            reject("While parsing a list in the query, expected ',' or ')', found {}",
                   shown(token_));
    }
}

OrderClause read_order(std::string_view clause) {
    Lexer lexer(clause);
    Token name = lexer.next(), direction = lexer.next();
    if (name.kind != Token::Kind::word)
        reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
    OrderClause order{.name = name.text};
    if (direction.kind == Token::Kind::end) return order;
    std::string word = upper(direction.text);
    if (direction.kind != Token::Kind::word || (word != "ASC" && word != "DESC"))
        reject("Invalid ordering key in order_by clause '{}'.", clause);
    order.ascending = word == "ASC";
    if (lexer.next().kind != Token::Kind::end)
        reject("Invalid order_by clause '{}'. Could not be parsed.", clause);
    return order;
}

void check_terms(std::string_view name, std::size_t count) {
    if (count > kOrderTermsMax) reject("`{}` has more than {} terms", name, kOrderTermsMax);
}

}  // namespace maru::tracking::search
