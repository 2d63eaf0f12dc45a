#include "webhooks/signature.hpp"

#include <fmt/format.h>

#include "base/crypto.hpp"

namespace maru::webhooks {

std::string sign(std::string_view secret, std::string_view delivery_id, std::string_view timestamp,
                 std::string_view body) {
    return "v1," +
           to_base64(hmac_sha256(secret, fmt::format("{}.{}.{}", delivery_id, timestamp, body)));
}

}  // namespace maru::webhooks
