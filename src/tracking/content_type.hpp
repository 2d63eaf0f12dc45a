#pragma once

#include <string_view>

namespace maru::tracking {

struct ContentType {
    std::string_view name;
    bool viewable = false;  // a browser can show it; all else is offered for download
    bool active = false;    // what it says could be run by a browser
};

/// The media type that a file's name tells; application/octet-stream where it tells none.
ContentType content_type(std::string_view path);

}  // namespace maru::tracking
