#pragma once

#include <string>
#include <string_view>

namespace maru {

/// Makes a UUIDv7 (RFC 9562) as 32 lowercase hex digits: sortable by creation, unique across
/// machines, increasing within a process. Thread-safe.
std::string new_id();

/// True for 32 lowercase hex digits.
bool is_id(std::string_view text);

}  // namespace maru
