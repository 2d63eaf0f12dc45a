#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/address.hpp"

/// What a webhook may be. Errors are invalid_argument that names the field, in MLflow's words where
/// it has some.
namespace maru::webhooks {

void check_webhook_name(const std::string& name);
void check_events(const std::vector<std::string>& events);
/// A URL that requests may be sent to: https:// to the internet, and either scheme into `networks`.
/// Names are not resolved here: `refusal` is asked when they are, at each connection.
void check_url(const std::string& url, const std::vector<http::Network>& networks);
/// Why a URL may not lead to an address, or nothing.
std::optional<std::string> refusal(const std::vector<http::Network>& networks,
                                   const std::string& url, const http::Address& address);

}  // namespace maru::webhooks
