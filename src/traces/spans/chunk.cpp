#include <zstd.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "traces/spans/span.hpp"

namespace maru::traces::spans {
namespace {

constexpr std::size_t kChunkBytes = 256 << 10;
constexpr int kLevel = 3;

Chunk compress(const std::string& plain) {
    Chunk chunk{static_cast<std::int64_t>(plain.size()), {}};
    chunk.packed.resize(ZSTD_compressBound(plain.size()));
    std::size_t size =
        ZSTD_compress(chunk.packed.data(), chunk.packed.size(), plain.data(), plain.size(), kLevel);
    if (ZSTD_isError(size) != 0)
        fail(ErrorCode::internal, "spans can't be compressed: {}", ZSTD_getErrorName(size));
    chunk.packed.resize(size);
    chunk.packed.shrink_to_fit();
    return chunk;
}

}  // namespace

std::vector<Chunk> pack(const std::vector<std::string>& lines) {
    std::vector<Chunk> chunks;
    std::string plain;
    for (const auto& line : lines) {
        if (!plain.empty() && plain.size() + line.size() > kChunkBytes) {
            chunks.push_back(compress(plain));
            plain.clear();
        }
        plain += line;
        plain += '\n';
    }
    if (!plain.empty()) chunks.push_back(compress(plain));
    return chunks;
}

std::vector<std::string> unpack(const Chunk& chunk) {
    std::string plain(static_cast<std::size_t>(chunk.plain_bytes), '\0');
    std::size_t size =
        ZSTD_decompress(plain.data(), plain.size(), chunk.packed.data(), chunk.packed.size());
    if (ZSTD_isError(size) != 0 || size != plain.size())
        fail(ErrorCode::data_loss, "the spans of a trace are damaged");
    std::vector<std::string> lines;
    for (auto line : split(plain, '\n'))
        if (!line.empty()) lines.emplace_back(line);
    return lines;
}

}  // namespace maru::traces::spans
