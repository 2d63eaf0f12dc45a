#include "cli/follow/log_follower.hpp"

#include "base/text.hpp"
#include "cli/follow/retry.hpp"

namespace maru::cli {
namespace {

struct LogPiece {
    std::string text;
    std::int64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(LogPiece, (), (text, offset))

struct LogEnd {
    compute::WorkloadState state{};
    std::optional<std::int32_t> exit_code;
};
BOOST_DESCRIBE_STRUCT(LogEnd, (), (state, exit_code))

constexpr JsonReadOptions kLenient{.ignore_unknown_fields = true};
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Without a byte for so long the connection counts as dead, and is made anew where it left off.
constexpr std::chrono::seconds kSilence{60};

}  // namespace

LogFollower::LogFollower(ApiClient& client, compute::ReadJobLog request)
    : client_(client), request_(std::move(request)) {
    request_.follow = true;
}

std::string LogFollower::read_range(std::int64_t from, std::int64_t to) {
    auto request = request_;
    request.follow = false;
    request.offset = 0;
    return client_.fetch(compute::read_job_log, request,
                         {{"Range", fmt::format("bytes={}-{}", from, to - 1)}});
}

void LogFollower::take_log(const net::EventParser::Event& event,
                           const std::function<void(std::string_view)>& sink) {
    auto piece = from_json<LogPiece>(event.data, kLenient);
    auto after = parse_int(event.id);
    if (!after) {
        sink(piece.text);
        return;
    }
    if (*after <= request_.offset) return;
    bool exact = static_cast<std::int64_t>(piece.text.size()) == *after - request_.offset &&
                 piece.text.find(kReplacement) == std::string::npos;
    // JSON holds text only; bytes that are none are fetched as they are, on a connection of their
    // own.
    if (exact) {
        sink(piece.text);
    } else {
        ApiClient second(client_.url(), client_.token());
        LogFollower reader(second, request_);
        sink(reader.read_range(request_.offset, *after));
    }
    request_.offset = *after;
}

std::optional<LogFollower::End> LogFollower::follow_once(
    const std::function<void(std::string_view)>& sink, const std::function<void()>& on_contact) {
    net::EventParser parser;
    std::optional<End> end;
    client_.stream(compute::read_job_log, request_, kSilence, [&](std::string_view bytes) {
        on_contact();
        parser.feed(bytes, [&](const net::EventParser::Event& event) {
            if (event.event == "log") {
                take_log(event, sink);
            } else if (event.event == "end") {
                auto told = from_json<LogEnd>(event.data, kLenient);
                end = End{told.state, told.exit_code};
            }
        });
        return !end.has_value();
    });
    return end;
}

LogFollower::End LogFollower::follow(const std::function<void(std::string_view)>& sink,
                                     const std::function<void(std::string_view)>& on_trouble) {
    auto give_up_at = std::chrono::steady_clock::now() + kPatience;
    bool in_trouble = false;
    Backoff backoff;
    for (;;) {
        auto on_contact = [&] {
            give_up_at = std::chrono::steady_clock::now() + kPatience;
            backoff.reset();
            if (in_trouble) on_trouble({});
            in_trouble = false;
        };
        try {
            if (auto end = follow_once(sink, on_contact)) return *end;
        } catch (const Error& error) {
            if (!is_connection_trouble(error)) throw;
            bool quiet = error.code() == ErrorCode::deadline_exceeded;
            if (!quiet) {
                in_trouble = true;
                on_trouble(error.message());
            }
            if (std::chrono::steady_clock::now() >= give_up_at) throw;
        }
        backoff.wait();
    }
}

}  // namespace maru::cli
