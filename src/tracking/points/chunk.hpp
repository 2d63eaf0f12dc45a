#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/points/point.hpp"

namespace maru::tracking {

/// Packs series into a few bytes a point: columns of times, steps and values, each in the form that
/// suits it best, compressed with zstd (README.md has the format). What comes back is the same to
/// the last bit. `series` are sorted by key, each key once; their points are sorted. Pure. Example:
/// chunk_test.cpp.
std::string encode_chunk(std::span<const Series> series);

/// All series of a chunk, or only the one of `key` (none: empty). Throws data_loss for damaged
/// bytes; never reads outside of them, and its memory is bounded by theirs.
std::vector<Series> decode_chunk(std::string_view bytes,
                                 std::optional<std::int64_t> key = std::nullopt);

}  // namespace maru::tracking
