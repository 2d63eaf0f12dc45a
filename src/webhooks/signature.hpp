#pragma once

#include <string>
#include <string_view>

namespace maru::webhooks {

/// The header X-MLflow-Signature: "v1," and the HMAC-SHA256 of "ID.TIMESTAMP.BODY" under the
/// secret, in base64. Example: webhooks_test.cpp.
std::string sign(std::string_view secret, std::string_view delivery_id, std::string_view timestamp,
                 std::string_view body);

}  // namespace maru::webhooks
