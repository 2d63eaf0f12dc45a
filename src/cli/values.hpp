#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace maru::cli {

// Values as people write them on a command line; each throws invalid_argument that names the
// option.

/// "2" or "0.5" CPUs, or "500m"; in thousandths.
std::int64_t parse_cpus(std::string_view option, std::string_view text);
/// "4GiB", "512MiB" or bytes; in MiB, rounded up.
std::int64_t parse_memory_mib(std::string_view option, std::string_view text);
/// "2h", "90s", "15m", "1d".
std::int64_t parse_time_s(std::string_view option, std::string_view text);
/// KEY=VALUE, each key once.
std::map<std::string, std::string> parse_pairs(std::string_view option,
                                               const std::vector<std::string>& pairs);

}  // namespace maru::cli
