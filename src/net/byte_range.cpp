#include "net/byte_range.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "net/message_writer.hpp"

namespace maru::net {
namespace {

enum class RangeOutcome { whole, part, unsatisfiable };

// RFC 9110, 14: one range of bytes; anything else is answered with the whole.
RangeOutcome find_range(const RequestHead& head, std::int64_t total, ByteRange& range) {
    range = {0, total};
    std::string_view text = head.headers.get("Range");
    // Without validators of ours, no If-Range can match.
    if (!text.starts_with("bytes=") || head.headers.has("If-Range")) return RangeOutcome::whole;
    if (head.method != "GET" && head.method != "HEAD") return RangeOutcome::whole;
    text = trim(text.substr(6));
    auto dash = text.find('-');
    if (dash == text.npos || text.contains(',')) return RangeOutcome::whole;
    auto first = parse_int(trim(text.substr(0, dash)));
    auto last = parse_int(trim(text.substr(dash + 1)));
    bool has_first = dash > 0, has_last = dash + 1 < text.size();
    if ((has_first && (!first || *first < 0)) || (has_last && (!last || *last < 0)) ||
        (!has_first && !has_last))
        return RangeOutcome::whole;
    if (!has_first) {
        if (*last == 0 || total == 0) return RangeOutcome::unsatisfiable;
        range.size = std::min(*last, total);
        range.first = total - range.size;
        return RangeOutcome::part;
    }
    if (has_last && *last < *first) return RangeOutcome::whole;
    if (*first >= total) return RangeOutcome::unsatisfiable;
    range.first = *first;
    range.size = (has_last ? std::min(*last, total - 1) : total - 1) - *first + 1;
    return RangeOutcome::part;
}

}  // namespace

std::optional<Response> take_range(const RequestHead& head, std::int64_t total, Response& response,
                                   ByteRange& range) {
    range = {0, total};
    response.headers.set("Accept-Ranges", "bytes");
    if (response.status != 200) return std::nullopt;
    RangeOutcome outcome = find_range(head, total, range);
    if (outcome == RangeOutcome::unsatisfiable) {
        Response refusal =
            error_response(416, ErrorCode::out_of_range,
                           fmt::format("the range is not within the {} bytes there are", total));
        refusal.headers.set("Content-Range", fmt::format("bytes */{}", total));
        return refusal;
    }
    if (outcome == RangeOutcome::part) {
        response.status = 206;
        response.headers.set("Content-Range", fmt::format("bytes {}-{}/{}", range.first,
                                                          range.first + range.size - 1, total));
    }
    return std::nullopt;
}

}  // namespace maru::net
