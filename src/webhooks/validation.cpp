#include "webhooks/validation.hpp"

#include <algorithm>
#include <cctype>

#include "base/error.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "webhooks/events.hpp"

namespace maru::webhooks {
namespace {

constexpr std::size_t kNameMax = 63, kUrlMax = 2048;

/// MLflow's words, with the field's name beside them.
[[noreturn]] void refuse(std::string_view field, const std::string& message) {
    throw Error(ErrorCode::invalid_argument, message, {{std::string(field), message}});
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

bool listed(const std::vector<http::Network>& networks, const http::Address& address) {
    return std::ranges::any_of(
        networks, [&](const http::Network& network) { return http::contains(network, address); });
}

constexpr std::string_view kNetworksHint =
    "where receivers are in networks of your own, start the server with --webhook-networks";

}  // namespace

void check_webhook_name(const std::string& name) {
    bool good = !name.empty() && name.size() <= kNameMax && is_word(name.front()) &&
                is_word(name.back()) && std::ranges::all_of(name, [](char c) {
                    return is_word(c) || c == '.' || c == '_' || c == '-';
                });
    if (!good)
        refuse("name", fmt::format("Webhook name '{}' is invalid. It must start and end with a "
                                   "letter or digit, be less than 63 characters long, and contain "
                                   "only letters, digits, dots (.), underscores (_), and hyphens "
                                   "(-).",
                                   name));
}

void check_events(const std::vector<std::string>& events) {
    if (events.empty())
        refuse("events", "Webhook events must be a non-empty list of WebhookEvent objects: [].");
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (find_event(events[i]) != nullptr) continue;
        std::string known;
        for (const auto& kind : event_kinds()) known += (known.empty() ? "" : ", ") + kind.name();
        fail_field(fmt::format("events[{}]", i),
                   fmt::format("\"{}\" is no event; expected one of {}", events[i], known));
    }
}

std::optional<std::string> refusal(const std::vector<http::Network>& networks,
                                   const std::string& url, const http::Address& address) {
    if (listed(networks, address)) return std::nullopt;
    if (!http::is_public(address))
        return fmt::format("{} is no public address; {}", http::to_string(address), kNetworksHint);
    if (to_lower(url.substr(0, 6)) != "https:")
        return fmt::format(
            "{} is outside of the networks that the server may reach without TLS; use https://",
            http::to_string(address));
    return std::nullopt;
}

void check_url(const std::string& url, const std::vector<http::Network>& networks) {
    if (trim(url).empty())
        refuse("url", fmt::format("Webhook URL cannot be empty or just whitespace: '{}'", url));
    if (url.size() > kUrlMax) fail_field("url", fmt::format("is longer than {} bytes", kUrlMax));
    auto parsed = http::parse_url(url);
    auto colon = url.find(':');
    std::string scheme = parsed              ? parsed->scheme
                         : colon == url.npos ? ""
                                             : to_lower(url.substr(0, colon));
    bool plain = scheme == "http" && !networks.empty();
    if (scheme != "https" && !plain)
        refuse("url", fmt::format("Invalid webhook URL scheme: '{}'. Allowed schemes are: {}.",
                                  scheme, networks.empty() ? "https" : "https, http"));
    if (!parsed || parsed->host.empty())
        refuse("url", fmt::format("Webhook URL must include a hostname: '{}'", url));
    // What a name resolves to is seen at each connection, when it counts.
    auto address = http::parse_address(parsed->host);
    auto why = address ? refusal(networks, url, *address) : std::nullopt;
    if (!why) return;
    if (http::is_public(*address)) refuse("url", "Webhook URL: " + *why);
    refuse("url", fmt::format("Webhook URL must not resolve to a non-public IP address. '{}' "
                              "resolves to {}. ({})",
                              parsed->host, http::to_string(*address), kNetworksHint));
}

}  // namespace maru::webhooks
