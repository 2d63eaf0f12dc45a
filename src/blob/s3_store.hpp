#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "blob/blob_store.hpp"

namespace maru::blob {

/// Where objects are kept in a store that speaks S3, and how they are reached.
struct S3Options {
    std::string bucket;
    std::string prefix;  // of all keys: "a/b", or empty
    std::string endpoint;
    std::string region = "us-east-1";
    bool virtual_host = false;      // https://BUCKET.HOST/KEY instead of https://HOST/BUCKET/KEY
    std::filesystem::path ca_file;  // PEM, instead of the system's authorities
    /// In the format of ~/.aws/credentials; else the environment (s3/credentials.hpp).
    std::filesystem::path credentials_file;
    /// Files of objects for those who need files.
    std::filesystem::path cache_directory;
    std::int64_t cache_bytes_max = 10LL << 30;
    /// Who writes below the prefix: one server only, since it removes what others would need.
    std::string owner;
    /// Memory of one upload. All parts are of one size, and there are at most 10,000.
    std::size_t part_bytes = 16 << 20;
    int attempts = 5;
};

/// Takes "s3://BUCKET" or "s3://BUCKET/PREFIX" apart. Throws invalid_argument.
void parse_s3_url(std::string_view url, S3Options& options);

/// Objects PREFIX/ab/cdef..., as disk_store names its files. Checks that the bucket can be reached,
/// written and listed and belongs to `owner`, and removes what interrupted uploads left; throws
/// what is wrong with it, in words for whoever runs the server.
std::unique_ptr<BlobStore> open_s3_store(const S3Options& options);

}  // namespace maru::blob
