#include "net/http.hpp"

#include <strings.h>

#include <algorithm>

#include "base/text.hpp"

namespace maru::net {

namespace {

bool same_name(std::string_view a, std::string_view b) {
    // strncasecmp is told the length: NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage)
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string_view Headers::get(std::string_view name) const {
    for (const auto& field : fields_)
        if (same_name(field.first, name)) return field.second;
    return {};
}

bool Headers::has(std::string_view name) const {
    return std::ranges::any_of(fields_, [&](const auto& f) { return same_name(f.first, name); });
}

std::int64_t Headers::count(std::string_view name) const {
    return std::ranges::count_if(fields_, [&](const auto& f) { return same_name(f.first, name); });
}

void Headers::set(std::string_view name, std::string_view value) {
    auto found =
        std::ranges::find_if(fields_, [&](const auto& f) { return same_name(f.first, name); });
    if (found == fields_.end()) return add(name, value);
    found->second = value;
    auto rest = std::remove_if(found + 1, fields_.end(),
                               [&](const auto& f) { return same_name(f.first, name); });
    fields_.erase(rest, fields_.end());
}

void Headers::add(std::string_view name, std::string_view value) {
    fields_.emplace_back(name, value);
}

void Headers::remove(std::string_view name) {
    std::erase_if(fields_, [&](const auto& f) { return same_name(f.first, name); });
}

std::optional<std::string_view> RequestHead::query_value(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return std::nullopt;
}

std::string_view RequestHead::cookie(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (!same_name(key, "Cookie")) continue;
        for (std::string_view pair : split(value, ';')) {
            pair = trim(pair);
            auto equals = pair.find('=');
            if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
            std::string_view text = pair.substr(equals + 1);
            if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
                text = text.substr(1, text.size() - 2);
            return text;
        }
    }
    return {};
}

Response Response::event_stream(std::shared_ptr<Channel> channel) {
    Response response{.status = 200, .headers = {}, .body = std::move(channel)};
    response.headers.set("Content-Type", "text/event-stream");
    response.headers.set("Cache-Control", "no-store");
    // Reverse proxies in front of us (nginx) would otherwise hold events back.
    response.headers.set("X-Accel-Buffering", "no");
    return response;
}

std::string format_event(std::string_view id, std::string_view event, std::string_view data) {
    std::string out;
    out.reserve(id.size() + event.size() + data.size() + 32);
    if (!id.empty()) out.append("id: ").append(id).append("\n");
    if (!event.empty()) out.append("event: ").append(event).append("\n");
    for (;;) {
        // CR, LF and CRLF all end a line in the format, so each starts a data line of its own.
        auto end = data.find_first_of("\r\n");
        out.append("data: ").append(data.substr(0, end)).append("\n");
        if (end == std::string_view::npos) break;
        bool pair = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
        data.remove_prefix(end + (pair ? 2 : 1));
    }
    return out.append("\n");
}

}  // namespace maru::net
