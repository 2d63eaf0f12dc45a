#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.hpp"

namespace maru::sql {

/// One kind of thing, and the query that counts those of $1.
struct Counted {
    std::string_view noun, query;
};

/// What there is of `of`, for people: "1 run", "3 models"; nothing of what there is none.
inline std::vector<std::string> describe_counts(Connection& connection, std::string_view of,
                                                std::initializer_list<Counted> kinds) {
    std::vector<std::string> texts;
    for (const auto& kind : kinds)
        connection.query(kind.query, {of}, [&](const Row& row) {
            if (auto count = row.integer(0); count != 0)
                texts.push_back(fmt::format("{} {}{}", count, kind.noun, count == 1 ? "" : "s"));
        });
    return texts;
}

}  // namespace maru::sql
