#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "traces/spans/span.hpp"

/// OpenTelemetry's protocol (OTLP/HTTP): spans as its exporters send them.
namespace maru::traces::otlp {

/// Spans of one program, with what is said of it.
struct Source {
    std::vector<spans::Attribute> attributes;
    std::vector<spans::Span> spans;
};

/// Reads an ExportTraceServiceRequest. Pure. Throws invalid_argument on anything else, on ids of
/// wrong lengths, and on what is nested deeper than 64 levels.
std::vector<Source> parse_protobuf(std::string_view body);
std::vector<Source> parse_json(std::string_view body);

/// Undoes a Content-Encoding ("gzip", "deflate"; empty: none). Throws invalid_argument on another
/// one, on damaged data, and on more than `bytes_max` in plain.
std::string decode_body(std::string body, std::string_view encoding, std::size_t bytes_max);

}  // namespace maru::traces::otlp
