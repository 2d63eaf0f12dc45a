#include "tracking/search/conditions.hpp"

#include "api/api.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::tracking::search {

sql::Value to_value(const Literal& literal) {
    if (const auto* integer = std::get_if<std::int64_t>(&literal)) return *integer;
    if (const auto* number = std::get_if<double>(&literal)) return *number;
    if (const auto* text = std::get_if<std::string>(&literal)) return *text;
    return {};
}

void append_condition(Statement& statement, std::string_view column, Comparator comparator,
                      const Literal& value) {
    if (comparator == Comparator::ilike) {
        statement += "LOWER(";
        statement += column;
        statement += ") LIKE LOWER(";
        statement << to_value(value);
        statement += ")";
        return;
    }
    statement += column;
    statement += " ";
    statement += comparator == Comparator::rlike ? "IS NOT NULL" : symbol(comparator);
    if (takes_nothing(comparator) || comparator == Comparator::rlike) return;
    statement += " ";
    if (takes_list(comparator))
        statement.list(std::get<std::vector<std::string>>(value));
    else
        statement << to_value(value);
}

void append_keyed_condition(Statement& statement, std::string_view table,
                            std::string_view owner_column, std::string_view owner,
                            const Comparison& comparison) {
    bool absent = comparison.comparator == Comparator::is_null;
    statement += absent ? " AND NOT EXISTS (SELECT 1 FROM " : " AND EXISTS (SELECT 1 FROM ";
    statement += table;
    statement += " k WHERE k.";
    statement += owner_column;
    statement += " = ";
    statement += owner;
    statement += " AND k.key = ";
    statement << comparison.key;
    if (!takes_nothing(comparison.comparator)) {
        statement += " AND ";
        append_condition(statement, "k.value", comparison);
    }
    statement += ")";
}

std::string encode_offset(std::int64_t offset) {
    return api::encode_page_token("offset:" + std::to_string(offset));
}

std::string decode_position(std::string_view page_token) {
    try {
        return api::decode_page_token(page_token);
    } catch (const Error&) {
        fail(ErrorCode::invalid_argument, "Invalid page token, could not base64-decode");
    }
}

std::int64_t decode_offset(std::string_view page_token) {
    if (page_token.empty()) return 0;
    std::string position = decode_position(page_token);
    std::optional<std::int64_t> offset;
    if (position.starts_with("offset:")) offset = parse_int(std::string_view(position).substr(7));
    if (!offset || *offset < 0)
        fail(ErrorCode::invalid_argument, "Invalid page token '{}': it is not one of this list",
             page_token);
    return *offset;
}

}  // namespace maru::tracking::search
