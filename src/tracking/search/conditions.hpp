#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/database.hpp"
#include "tracking/search/filter.hpp"

namespace maru::tracking::search {

/// A statement under construction: its text, and the values of its $1, $2, ....
class Statement {
  public:
    Statement& operator+=(std::string_view text) {
        text_ += text;
        return *this;
    }
    /// Appends the value's placeholder.
    Statement& operator<<(sql::Value value) {
        values_.push_back(std::move(value));
        text_ += '$';
        text_ += std::to_string(values_.size());
        return *this;
    }
    /// Appends "($1, $2, ...)"; "(NULL)", which nothing is in, for an empty list.
    template <class T>
    Statement& list(const std::vector<T>& values) {
        if (values.empty()) return *this += "(NULL)";
        *this += "(";
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i) *this += ", ";
            *this << sql::Value(values[i]);
        }
        return *this += ")";
    }
    const std::string& text() const { return text_; }
    const std::vector<sql::Value>& values() const { return values_; }

  private:
    std::string text_;
    std::vector<sql::Value> values_;
};

sql::Value to_value(const Literal& literal);

/// Appends "COLUMN OPERATOR VALUE". Relies on a LIKE that heeds case; of a regular expression,
/// which no database matches, it says only that there must be a value.
void append_condition(Statement& statement, std::string_view column, Comparator comparator,
                      const Literal& value);
/// The same for whatever has a comparator and a value: a comparison, a trace's condition.
template <class Comparison>
void append_condition(Statement& statement, std::string_view column, const Comparison& comparison) {
    append_condition(statement, column, comparison.comparator, comparison.value);
}

/// Appends " AND EXISTS (a row of the table with that key whose value matches)" for keyed tables of
/// texts (OWNER, key, value): tags and parameters.
void append_keyed_condition(Statement& statement, std::string_view table,
                            std::string_view owner_column, std::string_view owner,
                            const Comparison& comparison);

/// What api::encode_page_token encoded; errors in MLflow's words.
std::string decode_position(std::string_view page_token);
/// Offsets as page tokens.
std::string encode_offset(std::int64_t offset);
std::int64_t decode_offset(std::string_view page_token);

}  // namespace maru::tracking::search
