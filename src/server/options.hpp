#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blob/s3_store.hpp"
#include "http/address.hpp"
#include "identity/types.hpp"

namespace maru::server {

/// What `maru server` was told.
struct Options {
    std::filesystem::path data_directory;
    std::string address = "127.0.0.1";
    std::uint16_t port = 7070;
    identity::AuthMode auth = identity::AuthMode::local;
    std::filesystem::path tls_certificate, tls_key;
    bool allow_plain_http = false;
    std::string blobs = "disk";  // or "s3://BUCKET[/PREFIX]"
    bool blobs_moved = false;
    blob::S3Options s3;
    std::vector<http::Network> webhook_networks;
    std::filesystem::path webhook_ca_file;
};

/// Reads the command line behind `maru server`. Returns nothing where help was printed. Throws
/// invalid_argument that says what is wrong with which flag.
std::optional<Options> parse_options(int argc, char** argv);

bool is_loopback(std::string_view address);

}  // namespace maru::server
