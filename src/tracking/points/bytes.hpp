#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace maru::tracking {

static_assert(std::endian::native == std::endian::little, "stored points are little-endian");

/// Small differences of either sign become small numbers.
inline std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}
/// Differences wrap around instead of overflowing; adding them wraps back.
inline std::int64_t difference(std::int64_t left, std::int64_t right) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(left) -
                                     static_cast<std::uint64_t>(right));
}
inline std::int64_t sum(std::int64_t left, std::int64_t right) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(left) +
                                     static_cast<std::uint64_t>(right));
}

/// Appends a number in groups of seven bits, the lowest first.
inline void put_varint(std::string& bytes, std::uint64_t value) {
    while (value >= 0x80) {
        bytes.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    bytes.push_back(static_cast<char>(value));
}
inline void put_signed(std::string& bytes, std::int64_t value) {
    put_varint(bytes, zigzag(value));
}
inline void put_word(std::string& bytes, std::uint64_t value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Reads what the functions above wrote. Throws data_loss where the bytes end too early.
class ByteReader {
  public:
    explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            auto byte = static_cast<unsigned char>(take(1).front());
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        damaged();
    }
    std::int64_t signed_varint() { return unzigzag(varint()); }
    std::uint64_t word() {
        std::uint64_t value = 0;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    std::uint8_t byte() { return static_cast<std::uint8_t>(take(1).front()); }
    std::string_view take(std::uint64_t count) {
        if (count > bytes_.size()) damaged();
        auto taken = bytes_.substr(0, count);
        bytes_.remove_prefix(count);
        return taken;
    }
    bool at_end() const { return bytes_.empty(); }
    std::size_t left() const { return bytes_.size(); }

    [[noreturn]] static void damaged() {
        fail(ErrorCode::data_loss, "stored metric points are damaged");
    }

  private:
    std::string_view bytes_;
};

}  // namespace maru::tracking
