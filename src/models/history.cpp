#include "models/history.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "models/service.hpp"

namespace maru::models {
namespace {

constexpr std::size_t kShownMax = 500;

constexpr std::string_view kColumns =
    "number, model_name, version, at, user_name, kind, key, old_value, new_value, comment";

Change read_change(const sql::Row& row) {
    return {.number = row.integer(0),
            .model = row.string(1),
            .version = row.optional_integer(2),
            .at = row.time(3),
            .user = row.string(4),
            .kind = enum_from<ChangeKind>(row.text(5)).value_or(ChangeKind::created),
            .key = row.string(6),
            .from = row.optional_string(7),
            .to = row.optional_string(8),
            .comment = row.string(9)};
}

/// Cuts a long text at the end of a character.
void shorten(std::optional<std::string>& text, bool& shortened) {
    if (!text || text->size() <= kShownMax) return;
    std::size_t cut = kShownMax;
    while (cut > 0 && (static_cast<unsigned char>((*text)[cut]) & 0xc0) == 0x80) --cut;
    text->resize(cut);
    shortened = true;
}

}  // namespace

namespace history {

std::int64_t append(sql::Connection& connection, const Author& author, Time at,
                    const Subject& subject, const Entry& entry) {
    std::int64_t number = 0;
    connection.query(
        "INSERT INTO model_changes (number, project_id, model, model_name, version, at, user_name, "
        "kind, key, old_value, new_value, comment) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 "
        "FROM model_changes), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING number",
        {author.project_id, subject.model, subject.name, subject.version, at, author.user,
         enum_name(entry.kind), entry.key, entry.from, entry.to, entry.comment},
        [&](const sql::Row& row) { number = row.integer(0); });
    return number;
}

std::int64_t next_model_number(sql::Connection& connection) {
    std::int64_t last = 0;
    for (std::string_view query : {"SELECT COALESCE(MAX(number), 0) FROM models",
                                   "SELECT COALESCE(MAX(model), 0) FROM model_changes"})
        connection.query(query, {},
                         [&](const sql::Row& row) { last = std::max(last, row.integer(0)); });
    return last + 1;
}

}  // namespace history

api::Page<Change> Service::history(std::string_view project_id, const ListChanges& request) {
    std::int64_t limit = api::check_page_size(request.page_size);
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    if (!request.page_token.empty()) {
        auto position = parse_int(api::decode_page_token(request.page_token));
        if (!position) fail_field("page_token", "is not one that a list gave");
        before = *position;
    }
    api::Page<Change> page;
    database_.read([&](sql::Connection& connection) {
        auto model = connection.first(
            "SELECT MAX(model) FROM model_changes WHERE project_id = $1 AND model_name = $2",
            {project_id, request.model},
            [](const sql::Row& row) { return row.optional_integer(0); });
        // A model of before there was a history may have no line yet.
        if (!model || !*model) {
            load_model(connection, project_id, request.model);
            return;
        }
        api::require_access(api::ResourceKind::registered_model, **model);
        page.items =
            request.version
                // An alias that moves concerns the version that it leaves, too.
                ? connection.all(fmt::format("SELECT {} FROM model_changes WHERE model = $1 AND "
                                             "(version = $2 OR (kind = 'alias' AND old_value = "
                                             "$3)) AND number < $4 ORDER BY number DESC LIMIT $5",
                                             kColumns),
                                 {**model, *request.version, std::to_string(*request.version),
                                  before, limit + 1},
                                 read_change)
                : connection.all(fmt::format("SELECT {} FROM model_changes WHERE project_id = $1 "
                                             "AND model_name = $2 AND number < $3{} "
                                             "ORDER BY number DESC LIMIT $4",
                                             kColumns,
                                             api::access_condition(
                                                 api::ResourceKind::registered_model, "model")),
                                 {project_id, request.model, before, limit + 1}, read_change);
    });
    if (static_cast<std::int64_t>(page.items.size()) > limit) {
        page.items.pop_back();
        page.next_page_token = api::encode_page_token(std::to_string(page.items.back().number));
    }
    for (auto& change : page.items) {
        shorten(change.from, change.shortened);
        shorten(change.to, change.shortened);
    }
    return page;
}

Change Service::get_change(std::string_view project_id, std::string_view model,
                           std::int64_t number) {
    auto change = database_.read([&](sql::Connection& connection) {
        return connection.first(
            fmt::format("SELECT {} FROM model_changes WHERE number = $1 AND "
                        "project_id = $2 AND model_name = $3{}",
                        kColumns,
                        api::access_condition(api::ResourceKind::registered_model, "model")),
            {number, project_id, model}, read_change);
    });
    if (!change) fail(ErrorCode::not_found, "change {} of model {} does not exist", number, model);
    return *change;
}

}  // namespace maru::models
