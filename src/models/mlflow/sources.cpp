#include "models/mlflow/sources.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::models {
namespace {

bool is_local(std::string_view source) {
    auto colon = source.find(':');
    bool has_scheme = colon != std::string_view::npos && source.find('/') > colon;
    return !has_scheme || to_lower(source.substr(0, colon)) == "file";
}

std::string decoded_fully(std::string_view source) {
    std::string text(source);
    while (true) {
        std::string next = percent_decode(text, true);
        if (next == text) return text;
        text = std::move(next);
    }
}

}  // namespace

void check_source(std::string_view source) {
    if (is_local(source))
        fail(ErrorCode::invalid_argument,
             "Invalid model version source: '{}'. To use a local path as a model version source, "
             "the run_id request parameter has to be specified and the local path has to be "
             "contained within the artifact directory of the run specified by the run_id.",
             source);
    std::string decoded = decoded_fully(source);
    auto parts = split(decoded, '/');
    if (decoded.find('\0') != std::string::npos || std::ranges::find(parts, "..") != parts.end())
        fail(ErrorCode::invalid_argument,
             "Invalid model version source: '{}'. If supplying a source as an http, https, local "
             "file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be "
             "provided without relative path references present. Please provide an absolute path.",
             source);
}

}  // namespace maru::models
