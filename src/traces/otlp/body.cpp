#include <zlib.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/otlp/request.hpp"

namespace maru::traces::otlp {
namespace {

class Inflater {
  public:
    explicit Inflater(int window_bits) {
        if (inflateInit2(&stream_, window_bits) != Z_OK)
            fail(ErrorCode::resource_exhausted, "no memory to decompress a request");
    }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// False if the data is damaged or ends too early.
    bool run(std::string& body, std::string& plain, std::size_t bytes_max) {
        stream_.next_in = reinterpret_cast<Bytef*>(body.data());
        stream_.avail_in = static_cast<uInt>(body.size());
        char buffer[1 << 16];
        while (true) {
            stream_.next_out = reinterpret_cast<Bytef*>(buffer);
            stream_.avail_out = sizeof buffer;
            int result = inflate(&stream_, Z_NO_FLUSH);
            if (result != Z_OK && result != Z_STREAM_END) return false;
            plain.append(buffer, sizeof buffer - stream_.avail_out);
            if (plain.size() > bytes_max)
                fail(ErrorCode::invalid_argument,
                     "The request is larger than {} bytes when it is decompressed", bytes_max);
            if (result == Z_STREAM_END) return true;
        }
    }

  private:
    z_stream stream_{};
};

constexpr int kGzip = 16 + MAX_WBITS, kZlib = MAX_WBITS, kRaw = -MAX_WBITS;

}  // namespace

std::string decode_body(std::string body, std::string_view encoding, std::size_t bytes_max) {
    std::string name = to_lower(trim(encoding));
    if (name.empty() || name == "identity") return body;
    std::string plain;
    if (name == "gzip") {
        if (Inflater(kGzip).run(body, plain, bytes_max)) return plain;
        fail(ErrorCode::invalid_argument, "Failed to decompress gzip payload");
    }
    if (name == "deflate") {
        if (Inflater(kZlib).run(body, plain, bytes_max)) return plain;
        plain.clear();
        // Some exporters leave zlib's header out.
        if (Inflater(kRaw).run(body, plain, bytes_max)) return plain;
        fail(ErrorCode::invalid_argument, "Failed to decompress deflate payload");
    }
    fail(ErrorCode::invalid_argument, "Unsupported Content-Encoding: {}", encoding);
}

}  // namespace maru::traces::otlp
