#include "tracking/points/chunk.hpp"

#include <zstd.h>

#include <map>
#include <memory>

#include "tracking/points/columns.hpp"

namespace maru::tracking {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr int kCompressionLevel = 3;
/// Far above what a chunk holds: damaged bytes must not make anyone allocate without bound.
constexpr std::uint64_t kColumnMax = 256ULL << 20;

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

std::string compress(const std::string& bytes) {
    thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
    std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
    auto size = ZSTD_compressCCtx(context.get(), compressed.data(), compressed.size(), bytes.data(),
                                  bytes.size(), kCompressionLevel);
    if (ZSTD_isError(size) != 0)
        fail(ErrorCode::internal, "zstd can't compress: {}", ZSTD_getErrorName(size));
    compressed.resize(size);
    return compressed;
}

std::string decompress(std::string_view bytes, std::uint64_t size) {
    thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    std::string plain(size, '\0');
    auto written =
        ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(written) != 0 || written != size) ByteReader::damaged();
    return plain;
}

/// Each column that isn't empty: its size, whether it is compressed, and its bytes.
std::string join(const Columns& columns) {
    std::string bytes(1, static_cast<char>(kVersion));
    std::uint64_t present = 0;
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (!columns[i].empty()) present |= std::uint64_t{1} << i;
    put_varint(bytes, present);
    for (const auto& column : columns) {
        if (column.empty()) continue;
        auto compressed = compress(column);
        bool smaller = compressed.size() < column.size();
        put_varint(bytes, column.size() << 1 | (smaller ? 1 : 0));
        if (smaller) put_varint(bytes, compressed.size());
        bytes += smaller ? compressed : column;
    }
    return bytes;
}

Columns split(std::string_view bytes) {
    ByteReader reader(bytes);
    if (reader.byte() != kVersion)
        fail(ErrorCode::data_loss, "stored metric points are of an unknown version");
    std::uint64_t present = reader.varint();
    if (present >> kColumnCount != 0) ByteReader::damaged();
    Columns columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if ((present >> i & 1) == 0) continue;
        auto size = reader.varint();
        if (size >> 1 > kColumnMax) ByteReader::damaged();
        columns[i] = (size & 1) != 0 ? decompress(reader.take(reader.varint()), size >> 1)
                                     : std::string(reader.take(size >> 1));
    }
    return columns;
}

/// Numbers that mostly grow by the same amount: how much each growth differs from the one before.
template <class Get>
std::string encode_growth(const std::vector<Point>& points, Get get) {
    std::string bytes;
    std::int64_t last = 0, growth = 0;
    for (const auto& point : points) {
        auto now = difference(get(point), last);
        put_signed(bytes, difference(now, growth));
        growth = now;
        last = get(point);
    }
    return bytes;
}

template <class Set>
void decode_growth(std::string_view bytes, std::vector<Point>& points, Set set) {
    ByteReader reader(bytes);
    std::int64_t last = 0, growth = 0;
    for (auto& point : points) {
        growth = sum(growth, reader.signed_varint());
        last = sum(last, growth);
        set(point, last);
    }
}

/// Times and steps. Metrics that a program logs together have the same ones, which are kept once.
struct Axis {
    std::string times, steps;
    auto operator<=>(const Axis&) const = default;
};

}  // namespace

std::string encode_chunk(std::span<const Series> series) {
    Columns columns;
    auto& directory = columns[kDirectory];
    put_varint(directory, series.size());
    std::map<Axis, std::uint64_t> axes;
    std::int64_t last_key = 0;
    for (const auto& one : series) {
        put_signed(directory, difference(one.key, last_key));
        last_key = one.key;
        put_varint(directory, one.points.size());
        Axis axis{encode_growth(one.points, [](const Point& point) { return point.at; }),
                  encode_growth(one.points, [](const Point& point) { return point.step; })};
        auto [found, is_new] = axes.try_emplace(axis, axes.size());
        put_varint(directory, found->second);
        if (is_new) {
            put_varint(directory, axis.times.size());
            put_varint(directory, axis.steps.size());
            columns[kTimes] += axis.times;
            columns[kSteps] += axis.steps;
        }
        std::vector<std::int64_t> values;
        values.reserve(one.points.size());
        for (const auto& point : one.points) values.push_back(point.bits);
        encode_values(values, columns);
    }
    return join(columns);
}

std::vector<Series> decode_chunk(std::string_view bytes, std::optional<std::int64_t> key) {
    Columns columns = split(bytes);
    // Not default-constructible, so written out; the order is that of Column.
    ColumnReaders readers = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return ColumnReaders{ByteReader(columns[I])...};
    }(std::make_index_sequence<kColumnCount>());
    auto& directory = readers[kDirectory];
    std::vector<std::pair<std::string_view, std::string_view>> axes;
    std::vector<Series> found;
    std::vector<std::int64_t> values;
    std::int64_t this_key = 0;
    auto series_count = directory.varint();
    for (std::uint64_t i = 0; i < series_count; ++i) {
        this_key = sum(this_key, directory.signed_varint());
        auto count = directory.varint();
        auto axis = directory.varint();
        if (axis > axes.size()) ByteReader::damaged();
        if (axis == axes.size()) {
            auto times = readers[kTimes].take(directory.varint());
            axes.emplace_back(times, readers[kSteps].take(directory.varint()));
        }
        // Every point has at least a byte in both: no count allocates more than the bytes allow.
        if (count == 0 || count > axes[axis].first.size()) ByteReader::damaged();
        if (key && this_key != *key) {
            skip_values(readers, count);
            continue;
        }
        Series one{this_key, std::vector<Point>(count)};
        decode_growth(axes[axis].first, one.points,
                      [](Point& point, std::int64_t at) { point.at = at; });
        decode_growth(axes[axis].second, one.points,
                      [](Point& point, std::int64_t step) { point.step = step; });
        decode_values(readers, count, values);
        for (std::size_t p = 0; p < count; ++p) one.points[p].bits = values[p];
        found.push_back(std::move(one));
        if (key) break;
    }
    return found;
}

}  // namespace maru::tracking
