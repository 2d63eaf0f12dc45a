#pragma once

#include <cstdint>
#include <optional>

#include "net/http.hpp"

namespace maru::net {

struct ByteRange {
    std::int64_t first = 0, size = 0;
};

/// Finds which of a body's `total` bytes a request asks for (RFC 9110, 14) and gives the answer its
/// status and fields. Only a 200 becomes a part. Returns the answer to send instead where the range
/// is not within the body.
std::optional<Response> take_range(const RequestHead& head, std::int64_t total, Response& response,
                                   ByteRange& range);

}  // namespace maru::net
