#pragma once

#include <boost/system/error_code.hpp>
#include <string>
#include <string_view>

namespace boost::json {
class string;
class value;
}  // namespace boost::json

/// JSON values in .cpp files of this room, and their text as Python's json.dumps writes it.
namespace maru::traces::spans {

/// Appends a value with ", " and ": " between its parts and text as it is.
void append_dumped(std::string& out, const boost::json::value& value);
std::string dump(const boost::json::value& value);
/// The text of a value that JSON allows: NaN and infinities as strings.
std::string dump_strictly(const boost::json::value& value);
/// Parses what Python's json.dumps writes: JSON, and NaN, Infinity and -Infinity.
boost::json::value parse_dumped(std::string_view text, boost::system::error_code& error);
/// Parses; deeper than 100 levels or wrong is an error in `error`.
boost::json::value parse_value(std::string_view text, boost::system::error_code& error);

std::string_view view(const boost::json::string& text);

}  // namespace maru::traces::spans
