#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace boost::json {
class storage_ptr;
class value;
}  // namespace boost::json

namespace maru {

/// What is wrong with a text that is not JSON, and at which byte.
struct JsonSyntaxError {
    std::string message;  // empty: nothing is wrong
    std::size_t offset = 0;
};

/// Parses one JSON value, nested at most 100 deep. Numbers that are no 64-bit integers become the
/// nearest double, which Boost.JSON 1.81 by itself misses by a bit now and then. Of a text that is
/// not JSON the value is null and `error` says why. Example: json_test.cpp.
boost::json::value parse_json_value(std::string_view text, boost::json::storage_ptr storage,
                                    JsonSyntaxError& error);

}  // namespace maru
