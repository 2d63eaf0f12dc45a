#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace maru::http {

/// An IP address; one of version 4 stands as ::ffff:a.b.c.d.
struct Address {
    std::array<unsigned char, 16> bytes{};
    bool operator==(const Address&) const = default;
};
/// From its usual notation; nothing for anything else, "127.1" included.
std::optional<Address> parse_address(std::string_view text);
/// Nothing for a socket that is not IP's.
std::optional<Address> address_of(const sockaddr& socket);
std::string to_string(const Address& address);

/// A range of addresses.
struct Network {
    Address first;
    int bits = 128;  // of the prefix, over all 128
};
/// From "10.0.0.0/8", "fd00::/8" or one address; nothing for anything else.
std::optional<Network> parse_network(std::string_view text);
bool contains(const Network& network, const Address& address);

/// True for what the internet routes: neither loopback, private, link-local (where clouds answer
/// with credentials), shared, reserved nor multicast. What carries an address of version 4 is as
/// that one. Example: address_test.cpp.
bool is_public(const Address& address);

}  // namespace maru::http
