#include "http/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace maru::http {
namespace {

constexpr int kMappedBits = 96;
constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_version_4(const Address& address) {
    return std::equal(std::begin(kMapped), std::end(kMapped), address.bytes.begin());
}

Address version_4(const unsigned char* four) {
    Address address;
    std::copy(std::begin(kMapped), std::end(kMapped), address.bytes.begin());
    std::copy(four, four + 4, address.bytes.begin() + 12);
    return address;
}

bool in_any(const Address& address, std::initializer_list<std::string_view> networks) {
    return std::any_of(networks.begin(), networks.end(), [&](std::string_view text) {
        return contains(*parse_network(text), address);
    });
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    std::string copy(text);
    unsigned char four[4];
    if (inet_pton(AF_INET, copy.c_str(), four) == 1) return version_4(four);
    Address address;
    if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

std::optional<Address> address_of(const sockaddr& socket) {
    if (socket.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &socket, sizeof in);
        unsigned char four[4];
        std::memcpy(four, &in.sin_addr, 4);
        return version_4(four);
    }
    if (socket.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &socket, sizeof in);
        Address address;
        std::memcpy(address.bytes.data(), &in.sin6_addr, 16);
        return address;
    }
    return std::nullopt;
}

std::string to_string(const Address& address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (is_version_4(address))
        inet_ntop(AF_INET, address.bytes.data() + 12, text, sizeof text);
    else
        inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
    return text;
}

std::optional<Network> parse_network(std::string_view text) {
    auto slash = text.find('/');
    auto first = parse_address(text.substr(0, slash));
    if (!first) return std::nullopt;
    int above = is_version_4(*first) ? kMappedBits : 0;
    if (slash == text.npos) return Network{*first, 128};
    auto bits = parse_int(text.substr(slash + 1));
    if (!bits || *bits < 0 || *bits > 128 - above) return std::nullopt;
    return Network{*first, static_cast<int>(*bits) + above};
}

bool contains(const Network& network, const Address& address) {
    auto whole = static_cast<std::size_t>(network.bits / 8);
    const auto& first = network.first.bytes;
    if (!std::equal(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(whole),
                    address.bytes.begin()))
        return false;
    int rest = network.bits % 8;
    return rest == 0 || (first[whole] >> (8 - rest)) == (address.bytes[whole] >> (8 - rest));
}

bool is_public(const Address& address) {
    if (is_version_4(address))
        return !in_any(address, {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
                                 "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
                                 "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
                                 "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"});
    // NAT64 and 6to4 lead to the address of version 4 that they carry.
    if (in_any(address, {"64:ff9b::/96"})) return is_public(version_4(&address.bytes[12]));
    if (in_any(address, {"2002::/16"})) return is_public(version_4(&address.bytes[2]));
    return in_any(address, {"2000::/3"}) &&
           !in_any(address, {"2001::/23", "2001:db8::/32", "3fff::/20"});
}

}  // namespace maru::http
