#pragma once

#include <string>
#include <string_view>

#include "blob/s3/client.hpp"
#include "http/client.hpp"

namespace maru::blob::s3 {

/// The code and the words of an answer's <Error>, or empty.
struct RefusalCode {
    std::string code, message;
};
RefusalCode refusal_code(const http::Answer& answer);

/// Whether the same request may succeed a little later.
bool is_passing(const http::Answer& answer);

/// What whoever runs the server should know about a refusal, and do. Pure.
std::string explain_refusal(const http::Answer& answer, const ClientOptions& options,
                            std::string_view action, Time now);

}  // namespace maru::blob::s3
