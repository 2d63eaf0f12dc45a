#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace maru::server {

/// One file of the portal, embedded in the binary.
struct PortalFile {
    std::string_view path;  // "/assets/index-1a2b.js"
    std::string_view media_type;
    std::string_view entity_tag;  // quoted
    std::string_view content, gzip;
};
const std::vector<PortalFile>& portal_files();

/// Answers a GET of the portal: one of its files, or its page for a path that the portal itself
/// routes. Nothing for a path that can't be a page (an unknown asset, a protocol's route).
std::optional<net::Response> portal_response(const net::RequestHead& head);

}  // namespace maru::server
