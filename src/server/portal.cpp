#include "server/portal.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace maru::server {
namespace {

const PortalFile* find(std::string_view path) {
    auto found = std::ranges::find(portal_files(), path, &PortalFile::path);
    return found == portal_files().end() ? nullptr : &*found;
}

/// A path below which only programs ask: what is unknown there must be a plain 404, on which
/// clients such as MLflow's fall back.
bool is_for_programs(std::string_view path) {
    for (std::string_view prefix :
         {"/api/", "/ajax-api/", "/v1/", "/v2", "/apis/", "/mlflow-artifacts/", "/graphql"})
        if (path.starts_with(prefix)) return true;
    // Below /p/PROJECT/ are protocols; /p/PROJECT itself is the link that MLflow's client prints.
    return path.starts_with("/p/") && split(trim(path.substr(3)), '/').size() > 1 &&
           !path.ends_with('/');
}

net::Response file_response(const PortalFile& file, const net::RequestHead& head) {
    net::Response response;
    bool hashed = file.path.starts_with("/assets/");
    response.headers.set("Cache-Control",
                         hashed ? "public, max-age=31536000, immutable" : "no-cache");
    response.headers.set("ETag", file.entity_tag);
    response.headers.set("Vary", "Accept-Encoding");
    response.headers.set("X-Content-Type-Options", "nosniff");
    if (head.headers.get("If-None-Match") == file.entity_tag) {
        response.status = 304;
        return response;
    }
    response.headers.set("Content-Type", file.media_type);
    if (file.path == "/plotly-frame.html") {
        // It draws what someone's program wrote: in an origin of its own, and without network.
        response.headers.set(
            "Content-Security-Policy",
            "sandbox allow-scripts; default-src 'none'; script-src 'self'; style-src 'self' "
            "'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'");
    } else if (file.path.ends_with(".html")) {
        response.headers.set(
            "Content-Security-Policy",
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
            " frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'");
        response.headers.set("Referrer-Policy", "no-referrer");
        response.headers.set("X-Frame-Options", "DENY");
    }
    bool packed = !file.gzip.empty() &&
                  head.headers.get("Accept-Encoding").find("gzip") != std::string_view::npos;
    if (packed) response.headers.set("Content-Encoding", "gzip");
    response.body = std::string(packed ? file.gzip : file.content);
    return response;
}

}  // namespace

std::optional<net::Response> portal_response(const net::RequestHead& head) {
    if (head.method != "GET" && head.method != "HEAD") return std::nullopt;
    if (const auto* file = find(head.path)) return file_response(*file, head);
    if (head.path.starts_with("/assets/") || is_for_programs(head.path)) return std::nullopt;
    const auto* page = find("/index.html");
    return page == nullptr ? std::nullopt : std::optional(file_response(*page, head));
}

}  // namespace maru::server
