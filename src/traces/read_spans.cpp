#include <algorithm>
#include <chrono>
#include <tuple>
#include <unordered_map>

#include "base/error.hpp"
#include "traces/rows.hpp"
#include "traces/service.hpp"

namespace maru::traces {
namespace {

constexpr std::size_t kFileBytesMax = 64u << 20;
constexpr std::chrono::seconds kWaitForSpans{1};
// Whoever asks for traces that never become whole must not take the server's threads.
constexpr int kWaitingMax = 4;

/// A span that was sent again takes the place of what was sent before.
std::vector<spans::Span> parse_lines(const std::vector<std::string>& lines) {
    std::vector<spans::Span> found;
    std::unordered_map<std::string, std::size_t> places;
    for (const auto& line : lines) {
        auto span = spans::from_line(line);
        auto [place, added] = places.emplace(span.id, found.size());
        if (added)
            found.push_back(std::move(span));
        else
            found[place->second] = std::move(span);
    }
    return found;
}

void sort_by_time(std::vector<spans::Span>& list) {
    std::sort(list.begin(), list.end(), [](const spans::Span& a, const spans::Span& b) {
        return std::tuple(!a.parent_id.empty(), a.started_ns, std::string_view(a.id)) <
               std::tuple(!b.parent_id.empty(), b.started_ns, std::string_view(b.id));
    });
}

/// How many spans the client says that the trace has; 0 if it doesn't.
std::size_t spans_expected(const Trace& trace) {
    auto stats = trace.metadata.find(std::string(kSizeMetadata));
    if (stats == trace.metadata.end()) return 0;
    auto numbers = spans::numbers_of(stats->second);
    auto count = numbers.find("num_spans");
    return count == numbers.end() || count->second < 0 ? 0
                                                       : static_cast<std::size_t>(count->second);
}

}  // namespace

std::optional<std::vector<spans::Span>> Service::read_spans(std::string_view project_id,
                                                            const Trace& trace, bool whole) {
    if (trace.tags.contains(std::string(kSpansLocationTag))) {
        auto lines = database_.read(
            [&](sql::Connection& connection) { return load_lines(connection, trace.number); });
        auto found = parse_lines(lines);
        sort_by_time(found);
        if (whole && (found.empty() || found.size() < spans_expected(trace))) return std::nullopt;
        return found;
    }
    auto location = trace.tags.find(std::string(kLocationTag));
    if (location == trace.tags.end()) return std::vector<spans::Span>();
    try {
        std::string folder = tracking_.artifact_folder(project_id, location->second);
        auto file = tracking_.find_artifact(project_id, folder + "/traces.json");
        auto found = spans::from_file(blobs_.get(file.sha256, kFileBytesMax));
        sort_by_time(found);
        return found;
    } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found && error.code() != ErrorCode::failed_precondition)
            throw;
        if (whole) return std::nullopt;
        return std::vector<spans::Span>();
    }
}

void Service::announce_spans() {
    {
        std::lock_guard lock(mutex_);
        ++spans_version_;
    }
    spans_came_.notify_all();
}

std::optional<std::vector<spans::Span>> Service::await_spans(std::string_view project_id,
                                                             const Trace& trace) {
    auto until = std::chrono::steady_clock::now() + kWaitForSpans;
    std::unique_lock lock(mutex_);
    bool may_wait = waiting_ < kWaitingMax;
    if (may_wait) ++waiting_;
    while (true) {
        auto seen = spans_version_;
        lock.unlock();
        // Read anew: the first spans bring the tag that says where they are.
        std::optional<std::vector<spans::Span>> found;
        try {
            found = read_spans(project_id, get_trace(project_id, trace.id), true);
        } catch (...) {
            lock.lock();
            if (may_wait) --waiting_;
            throw;
        }
        lock.lock();
        bool more = !found && may_wait &&
                    spans_came_.wait_until(lock, until, [&] { return spans_version_ != seen; });
        if (more) continue;
        if (may_wait) --waiting_;
        return found;
    }
}

}  // namespace maru::traces
