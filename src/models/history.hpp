#pragma once

#include <optional>
#include <string>

#include "models/service.hpp"
#include "sql/database.hpp"

/// The history of models and versions. All functions run inside the caller's transaction, so that a
/// change is never without its line, nor a line without its change.
namespace maru::models::history {

/// What a change is about; `version` absent: the model itself.
struct Subject {
    std::int64_t model = 0;
    std::string name;
    std::optional<std::int64_t> version;
};

struct Entry {
    ChangeKind kind = ChangeKind::created;
    std::string key = "";
    std::optional<std::string> from = std::nullopt, to = std::nullopt;
    std::string comment = "";
};

/// Appends a line; returns its number.
std::int64_t append(sql::Connection& connection, const Author& author, Time at,
                    const Subject& subject, const Entry& entry);
/// A number for a new model that neither a model nor a line of history ever had.
std::int64_t next_model_number(sql::Connection& connection);

}  // namespace maru::models::history
