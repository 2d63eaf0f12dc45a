#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tracking/search/lexer.hpp"

namespace maru::tracking::search {

enum class Comparator {
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    like,
    ilike,
    rlike,
    in,
    not_in,
    is_null,
    is_not_null,
};

/// As it is written in a filter.
std::string_view symbol(Comparator comparator);
bool is_ordering(Comparator comparator);
bool takes_list(Comparator comparator);
bool takes_nothing(Comparator comparator);

using Literal =
    std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::string>>;

/// Reads what every filter of MLflow has in common: comparisons joined by AND, their comparators,
/// numbers, texts and lists. What can be compared with what is its user's to say.
///
/// Lifetime: no longer than the text. Errors: invalid_argument, in MLflow's words where it has
/// some. In use: filter.cpp, and traces/search/filter.cpp.
class ComparisonReader {
  public:
    struct Limits {
        std::size_t comparisons = 0;
        bool regular_expressions = false;  // whether RLIKE is a comparator
    };
    ComparisonReader(std::string_view filter, Limits limits)
        : filter_(filter), limits_(limits), lexer_(filter) {
        advance();
    }

    /// Calls `read` for each comparison, which it takes by the functions below.
    void each(const std::function<void()>& read);

    /// The token that comes next.
    const Token& next() const { return token_; }
    Token take();
    /// What is compared.
    std::string take_name();
    Comparator take_comparator();
    /// "('a', 'b')".
    std::vector<std::string> take_list();
    /// The last list as it stands.
    std::string_view list_text() const { return list_text_; }

  private:
    void advance() { token_ = lexer_.next(); }
    bool take_word(std::string_view word);
    bool is_symbol(std::string_view symbol) const;

    std::string_view filter_;
    Limits limits_;
    Lexer lexer_;
    Token token_;
    std::size_t list_values_ = 0;
    std::string_view list_text_;
};

/// A token for people: "nothing" where the text ends.
std::string shown(const Token& token);
/// Of a number's token.
double to_double(const Token& token);
/// An integer where it is one, else a double.
Literal to_number(const Token& token);
/// Of a text's token; refuses a word that looks like a text without quotes. Nothing: it is neither.
const std::string* to_text(const Token& token);

struct OrderClause {
    std::string name;
    bool ascending = true;
};
/// Reads "metrics.`val acc` DESC".
OrderClause read_order(std::string_view clause);
/// Checks that a list of a search (what to order by) is not longer than a database can take.
void check_terms(std::string_view name, std::size_t count);

}  // namespace maru::tracking::search
