#pragma once

#include <string>
#include <string_view>

#include "base/reflection.hpp"

namespace maru {

struct JsonReadOptions {
    /// Fields that the struct does not have: refused (own API, so that a typing error is seen), or
    /// passed over (protocols and answers of newer servers).
    bool ignore_unknown_fields = false;
    /// Accept "12" where a number is expected, as protobuf's JSON form of int64 does.
    bool numbers_from_strings = false;
};

struct JsonWriteOptions {
    /// Leave out empty optionals instead of writing null.
    bool omit_null = false;
    bool pretty = false;
};

void read_json(std::string_view text, const reflection::Type& type, void* object,
               const JsonReadOptions& options);
void write_json(std::string& out, const reflection::Type& type, const void* object,
                const JsonWriteOptions& options);
/// Sets one value from text as it stands in a URL's path or query ("3", "true", "a"). Lists are
/// comma-separated. Throws invalid_argument that names `field`.
void read_text_value(std::string_view text, const reflection::Type& type, void* object,
                     std::string_view field);

/// Reads a described struct; throws one invalid_argument with a detail for each offending field,
/// such as "resources.gpus: expected an integer, got \"two\"".
template <class T>
T from_json(std::string_view text, const JsonReadOptions& options = {}) {
    T object{};
    read_json(text, reflection::type_of<T>(), &object, options);
    return object;
}

/// Writes a described struct, list, map or scalar. NaN and infinities are written as strings.
template <class T>
std::string to_json(const T& object, const JsonWriteOptions& options = {}) {
    std::string out;
    write_json(out, reflection::type_of<T>(), &object, options);
    return out;
}

/// Appends text as a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);
/// Throws invalid_argument unless the text is one JSON value.
void check_json(std::string_view text);

}  // namespace maru
