// How each kind of response body is sent.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cerrno>

#include "base/log.hpp"
#include "net/byte_range.hpp"
#include "net/connection.hpp"
#include "net/proxying.hpp"

namespace maru::net {

namespace {

constexpr std::uint64_t kDrainBytesMax = 64 << 10;
// Below this, copying a body behind its head is cheaper than a second piece.
constexpr std::size_t kJoinBytesMax = 16 << 10;
constexpr std::size_t kFileReadBytes = 128 << 10;

// Reads from the page cache only; -EAGAIN if the disk would have to be waited for.
ssize_t read_cached(int fd, char* data, std::size_t size, std::int64_t offset) {
    iovec piece{data, size};
    ssize_t n = ::preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
    if (n >= 0) return n;
    return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL ? -EAGAIN : -errno;
}

}  // namespace

void Connection::abandon(Response& response) {
    if (auto* channel = std::get_if<std::shared_ptr<Channel>>(&response.body)) {
        if (auto* queue = dynamic_cast<ChannelQueue*>(channel->get())) queue->abandon();
    } else if (auto* proxy = std::get_if<ProxyBody>(&response.body)) {
        if (proxy->done) std::exchange(proxy->done, nullptr)(499, 0);
    }
}

Task<> Connection::respond(Response response) {
    for (const auto& [name, value] : response.headers) {
        if (is_valid_field(name, value)) continue;
        log::error("{} {}: the answer's header {} has a name or value that cannot be sent",
                   head_.method, head_.path, name);
        abandon(response);
        response = error_response(500, ErrorCode::internal, "internal error");
        break;
    }
    if (core_.stopping || has_token(response.headers.get("Connection"), "close"))
        keep_alive_ = false;
    if (auto* proxy = std::get_if<ProxyBody>(&response.body)) {
        Proxying proxying(*this, std::move(*proxy), std::move(buffered_body_));
        co_await proxying.run();
        co_return;
    }
    // A client that awaits "100 Continue" may or may not send its body after this answer.
    auto remaining = parser_ ? parser_->content_length_remaining() : boost::none;
    bool drain = !body_done() && !expects_continue_ && remaining && *remaining <= kDrainBytesMax;
    if (!body_done() && !drain) keep_alive_ = false;

    if (auto* text = std::get_if<std::string>(&response.body)) {
        co_await send_text(response, *text);
    } else if (auto* file = std::get_if<FileBody>(&response.body)) {
        FileBody body = std::move(*file);
        co_await send_file(response, body);
    } else if (auto* generated = std::get_if<GeneratedBody>(&response.body)) {
        GeneratedBody body = std::move(*generated);
        co_await send_generated(response, std::move(body));
    } else if (auto* ranged = std::get_if<RangedBody>(&response.body)) {
        RangedBody body = std::move(*ranged);
        co_await send_ranged(response, std::move(body));
    } else {
        auto channel = std::get<std::shared_ptr<Channel>>(response.body);
        auto* queue = dynamic_cast<ChannelQueue*>(channel.get());
        if (!queue) {
            response = error_response(500, ErrorCode::internal, "internal error");
            log::error("{} {}: the answer's channel is empty or not of Channel::create",
                       head_.method, head_.path);
            co_await send_text(response, std::get<std::string>(response.body));
        } else {
            co_await send_channel(response, *queue);
        }
    }
    while (drain && keep_alive_ && !body_done())
        if (co_await read_body() < 0) keep_alive_ = false;
}

Task<> Connection::respond_and_close(Response response) {
    keep_alive_ = false;
    co_await send_text(response, std::get<std::string>(response.body));
}

Task<> Connection::send_text(const Response& response, std::string_view body) {
    out_.clear();
    bool bodied = may_have_body(response.status);
    Framing framing{bodied ? Framing::Kind::length : Framing::Kind::none,
                    static_cast<std::int64_t>(body.size())};
    append_response_head(out_, response.status, "", response.headers, framing, keep_alive_,
                         http11_);
    if (!bodied || is_head_) body = {};
    int error;
    if (body.size() <= kJoinBytesMax) {
        out_.append(body);
        error = co_await stream_.write(out_);
    } else {
        iovec pieces[] = {{out_.data(), out_.size()},
                          {const_cast<char*>(body.data()), body.size()}};
        error = co_await stream_.write(pieces);
    }
    if (error) keep_alive_ = false;
}

Task<> Connection::send_file(Response& response, const FileBody& file) {
    FileDescriptor fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status{};
    int error = fd && ::fstat(fd.get(), &status) == 0 ? 0 : errno;
    if (error || !S_ISREG(status.st_mode)) {
        Response answer = error_response(404, ErrorCode::not_found, "the file does not exist");
        if (error && error != ENOENT) {
            log::error("{} {}: cannot open {}: {}", head_.method, head_.path, file.path.string(),
                       std::generic_category().message(error));
            answer = error_response(500, ErrorCode::internal, "the file cannot be read");
        }
        co_await send_text(answer, std::get<std::string>(answer.body));
        co_return;
    }
    std::int64_t total = status.st_size;
    if (file.size_bytes >= 0) total = std::min(total, file.size_bytes);
    ByteRange range;
    if (auto refusal = take_range(head_, total, response, range)) {
        co_await send_text(*refusal, std::get<std::string>(refusal->body));
        co_return;
    }
    out_.clear();
    append_response_head(out_, response.status, "", response.headers,
                         {Framing::Kind::length, range.size}, keep_alive_, http11_);
    if (is_head_ || range.size == 0) {
        if (co_await stream_.write(out_)) keep_alive_ = false;
        co_return;
    }
    co_await send_file_bytes(fd.get(), range.first, range.size);
}

Task<> Connection::send_file_bytes(int fd, std::int64_t offset, std::int64_t size) {
    auto room = static_cast<std::size_t>(std::min<std::int64_t>(size, kFileReadBytes));
    auto data = std::make_unique_for_overwrite<char[]>(room);
    while (size > 0) {
        auto count = static_cast<std::size_t>(std::min<std::int64_t>(size, kFileReadBytes));
        ssize_t n = read_cached(fd, data.get(), count, offset);
        if (n == -EAGAIN) {
            struct DiskRead {
                std::atomic<bool> done{false};
                ssize_t result = 0;
            } disk;
            // The buffer outlives the task: this coroutine waits for it whatever becomes of the
            // client.
            core_.workers.submit([&disk, fd, target = data.get(), count, offset, waker = waker_] {
                ssize_t got = ::pread(fd, target, count, offset);
                disk.result = got < 0 ? -errno : got;
                disk.done.store(true, std::memory_order_release);
                waker->wake();
            });
            while (!disk.done.load(std::memory_order_acquire)) co_await event_.wait();
            n = disk.result;
        }
        if (n <= 0) {
            // The promised length can't be kept; only the cut connection tells the client.
            log::error("{} {}: the file ended {} bytes early{}", head_.method, head_.path, size,
                       n ? ": " + std::generic_category().message(static_cast<int>(-n)) : "");
            stream_.abort(EIO);
            keep_alive_ = false;
            co_return;
        }
        iovec pieces[] = {{out_.data(), out_.size()}, {data.get(), static_cast<std::size_t>(n)}};
        if (co_await stream_.write(pieces)) {
            keep_alive_ = false;
            co_return;
        }
        out_.clear();
        offset += n;
        size -= n;
    }
}

Task<> Connection::send_channel(const Response& response, ChannelQueue& channel) {
    bool chunked = http11_;
    if (!chunked) keep_alive_ = false;
    out_.clear();
    append_response_head(out_, response.status, "", response.headers,
                         {chunked ? Framing::Kind::chunked : Framing::Kind::until_close, 0},
                         keep_alive_, http11_);
    bool sent = co_await stream_.write(out_) == 0;
    if (!sent || is_head_ || !may_have_body(response.status)) {
        if (!sent) keep_alive_ = false;
        channel.abandon();
        co_return;
    }
    bool stopped = false;
    channel_ = &channel;
    channel.attach(waker_);
    bool events = response.headers.get("Content-Type").starts_with("text/event-stream");
    // Followers come back to the next server; other streams get the time of grace to end.
    if (events)
        stop_ = [&stopped, this] {
            stopped = true;
            event_.notify();
        };
    bool watched = body_done();
    if (watched) watch([this] { stream_.abort(ECANCELED); });
    auto beat_at = SteadyClock::now() + core_.options.event_heartbeat;
    std::vector<std::string> pieces;
    while (!stream_.error() && !stopped && !(core_.stopping && events) && !channel.cut()) {
        channel.take(pieces);
        if (pieces.empty() && channel.ended()) break;
        bool beat = events && pieces.empty() && SteadyClock::now() >= beat_at;
        if (pieces.empty() && !beat) {
            if (events)
                co_await event_.wait_until(beat_at);
            else
                co_await event_.wait();
            continue;
        }
        if (beat) {
            std::string comment = ": \n\n";
            if (chunked) comment = chunk_prefix(comment.size()) + comment + "\r\n";
            if (co_await stream_.write(comment)) break;
        } else if (!co_await send_pieces(channel, pieces, chunked)) {
            break;
        }
        if (events) beat_at = SteadyClock::now() + core_.options.event_heartbeat;
    }
    if (watched) unwatch();
    stop_ = nullptr;
    channel_ = nullptr;
    bool whole = channel.ended() && !channel.cut() && !stream_.error();
    channel.attach(nullptr);
    if (!whole) {
        keep_alive_ = false;
        channel.abandon();
    }
    if (chunked && !stream_.error() && (whole || stopped || core_.stopping))
        if (co_await stream_.write("0\r\n\r\n")) keep_alive_ = false;
    if (!whole && !stopped) stream_.abort(ECANCELED);
}

Task<bool> Connection::send_pieces(ChannelQueue& channel, std::vector<std::string>& pieces,
                                   bool chunked) {
    std::size_t size = 0;
    for (const auto& piece : pieces) size += piece.size();
    std::string prefix = chunked ? chunk_prefix(size) : "";
    std::string_view suffix = chunked ? "\r\n" : "";
    std::vector<iovec> vectors;
    vectors.reserve(pieces.size() + 2);
    vectors.push_back({prefix.data(), prefix.size()});
    for (auto& piece : pieces) vectors.push_back({piece.data(), piece.size()});
    vectors.push_back({const_cast<char*>(suffix.data()), suffix.size()});
    int error = co_await stream_.write(vectors);
    channel.sent(size);
    co_return error == 0;
}

}  // namespace maru::net
