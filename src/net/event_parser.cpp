#include "net/client.hpp"

namespace maru::net {

void EventParser::feed(std::string_view bytes, const std::function<void(const Event&)>& visit) {
    buffer_.append(bytes);
    std::size_t begin = 0;
    for (;;) {
        auto end = buffer_.find_first_of("\r\n", begin);
        if (end == std::string::npos) break;
        // A CR at the very end may be half of a CRLF.
        if (buffer_[end] == '\r' && end + 1 == buffer_.size()) break;
        std::string_view line(buffer_.data() + begin, end - begin);
        begin = end + (buffer_[end] == '\r' && buffer_[end + 1] == '\n' ? 2 : 1);

        if (line.empty()) {
            if (any_) {
                if (!current_.data.empty()) current_.data.pop_back();  // the last line's newline
                visit(current_);
            }
            current_.event.clear();
            current_.data.clear();
            any_ = false;
            continue;
        }
        auto colon = line.find(':');
        std::string_view name = line.substr(0, colon), value;
        if (colon != std::string_view::npos) value = line.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        if (name == "data") {
            current_.data.append(value).push_back('\n');
            any_ = true;
        } else if (name == "event") {
            current_.event = value;
        } else if (name == "id" && value.find('\0') == std::string_view::npos) {
            current_.id = value;
        }
    }
    buffer_.erase(0, begin);
}

}  // namespace maru::net
