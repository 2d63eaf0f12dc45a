#pragma once

#include <memory>
#include <string>

#include "cli/api_client.hpp"
#include "transfer/sink.hpp"

namespace maru::cli {

/// Brings things into a project of a maru server. `connect` opens a connection for each thread.
std::unique_ptr<transfer::Sink> open_platform_sink(
    std::string project, std::function<std::unique_ptr<ApiClient>()> connect);

}  // namespace maru::cli
