#include "base/id.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>

#include "base/crypto.hpp"

namespace maru {

std::string new_id() {
    // 48 bits of ms, then a 12-bit counter (RFC 9562, 6.2 method 1) so that ids of one millisecond
    // keep order.
    static std::mutex mutex;
    static std::uint64_t last_ms = 0;
    static std::uint32_t counter = 0;
    std::uint64_t ms = 0;
    std::uint32_t sequence = 0;
    {
        std::lock_guard lock(mutex);
        auto now =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                           std::chrono::system_clock::now().time_since_epoch())
                                           .count());
        if (now > last_ms) {
            last_ms = now;
            counter = 0;
        } else if (++counter > 0xfff) {
            ++last_ms;  // runs ahead of the clock rather than lose order
            counter = 0;
        }
        ms = last_ms;
        sequence = counter;
    }
    std::string bytes = random_bytes(16);
    for (int i = 0; i < 6; ++i)
        bytes[static_cast<std::size_t>(i)] = static_cast<char>(ms >> (40 - 8 * i));
    bytes[6] = static_cast<char>(0x70 | (sequence >> 8));
    bytes[7] = static_cast<char>(sequence);
    bytes[8] = static_cast<char>(0x80 | (static_cast<unsigned char>(bytes[8]) & 0x3f));
    return to_hex(bytes);
}

bool is_id(std::string_view text) {
    if (text.size() != 32) return false;
    for (char c : text)
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    return true;
}

}  // namespace maru
