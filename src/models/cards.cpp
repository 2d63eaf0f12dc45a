#include "base/error.hpp"
#include "base/text.hpp"
#include "models/history.hpp"
#include "models/service.hpp"

namespace maru::models {
namespace {

constexpr std::size_t kCardBytesMax = 256 << 10;

Card read_card(sql::Connection& connection, std::string_view table, std::int64_t number) {
    auto card = connection.first(
        fmt::format("SELECT card, card_revision FROM {} WHERE number = $1", table), {number},
        [](const sql::Row& row) { return Card{row.string(0), row.integer(1)}; });
    return card.value();
}

}  // namespace

Service::CardPlace Service::card_place(sql::Connection& connection, std::string_view project_id,
                                       std::string_view model,
                                       std::optional<std::int64_t> version) {
    if (!version) return {"models", load_model(connection, project_id, model).number};
    return {"model_versions", load_version(connection, project_id, model, *version).number};
}

Card Service::card(std::string_view project_id, std::string_view model,
                   std::optional<std::int64_t> version) {
    return database_.read([&](sql::Connection& connection) {
        auto place = card_place(connection, project_id, model, version);
        return read_card(connection, place.table, place.number);
    });
}

Card Service::set_card(const Author& author, const std::string& model,
                       std::optional<std::int64_t> version, const std::string& text,
                       std::optional<std::int64_t> revision) {
    check_text("text", text, kCardBytesMax);
    return database_.write([&](sql::Connection& connection) {
        auto place = card_place(connection, author.project_id, model, version);
        Card card = read_card(connection, place.table, place.number);
        if (revision && *revision != card.revision)
            fail(ErrorCode::aborted,
                 "the card was changed meanwhile: it has revision {}, not {}. Read it again and "
                 "bring both texts together",
                 card.revision, *revision);
        if (card.text == text) return card;
        std::int64_t parent = load_model(connection, author.project_id, model).number;
        history::append(connection, author, clock_.now(), {parent, model, version},
                        {.kind = ChangeKind::card,
                         .key = std::to_string(card.revision + 1),
                         .from = card.text,
                         .to = text});
        connection.execute(fmt::format("UPDATE {} SET card = $1, card_revision = card_revision + "
                                       "1, updated_at = $2 WHERE number = $3",
                                       place.table),
                           {text, clock_.now(), place.number});
        return read_card(connection, place.table, place.number);
    });
}

}  // namespace maru::models
