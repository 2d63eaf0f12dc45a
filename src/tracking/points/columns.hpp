#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tracking/points/bytes.hpp"

namespace maru::tracking {

/// The columns of a chunk. Bytes of one kind lie together, over all series, since they compress
/// best among their like: of a value's bytes the upper ones hardly change and the lower ones are
/// noise.
enum Column : std::size_t {
    kDirectory,
    kTimes,
    kSteps,
    kIntegers,                // values that are short decimal numbers
    kWords,                   // values of dictionaries
    kIndexes,                 // places in dictionaries: the lower byte,
    kIndexesHigh,             // and the upper one
    kSingles,                 // four columns: the bytes of values that a float holds
    kDoubles = kSingles + 4,  // eight columns: the bytes of all other values
    kColumnCount = kDoubles + 8,
};

using Columns = std::array<std::string, kColumnCount>;
using ColumnReaders = std::array<ByteReader, kColumnCount>;

/// Appends values (as bits) in the form that is estimated to need the fewest bytes, which it notes
/// in the directory.
void encode_values(std::span<const std::int64_t> values, Columns& columns);

/// Reads back `count` values that encode_values appended.
void decode_values(ColumnReaders& columns, std::size_t count, std::vector<std::int64_t>& values);

/// Steps over them.
void skip_values(ColumnReaders& columns, std::size_t count);

}  // namespace maru::tracking
