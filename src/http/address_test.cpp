#include "http/address.hpp"

#include <gtest/gtest.h>

namespace maru::http {
namespace {

bool is_public_text(std::string_view text) {
    auto address = parse_address(text);
    EXPECT_TRUE(address.has_value()) << text;
    return address && is_public(*address);
}

TEST(Address, PublicAreThoseThatTheInternetRoutes) {
    for (const char* text : {"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
                             "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:0808:0808::1"})
        EXPECT_TRUE(is_public_text(text)) << text;
}

TEST(Address, OwnNetworksAndMetadataAreNotPublic) {
    for (const char* text : {"127.0.0.1",
                             "127.8.8.8",
                             "0.0.0.0",
                             "10.1.2.3",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.168.1.1",
                             "169.254.169.254",
                             "100.64.0.1",
                             "100.100.100.200",
                             "224.0.0.1",
                             "240.0.0.1",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "fe80::1",
                             "fc00::1",
                             "fd00:ec2::254",
                             "ff02::1",
                             "::ffff:127.0.0.1",
                             "::ffff:169.254.169.254",
                             "::7f00:1",
                             "64:ff9b::10.0.0.1",
                             "64:ff9b:1::1",
                             "2002:7f00:1::",
                             "2002:a9fe:a9fe::1",
                             "2001::1",
                             "2001:db8::1",
                             "100::1"})
        EXPECT_FALSE(is_public_text(text)) << text;
}

TEST(Address, OnlyTheUsualNotationIsOne) {
    for (const char* text : {"127.1", "0177.0.0.1", "2130706433", "0x7f.1", "localhost", "",
                             "1.2.3", "1.2.3.4.5", "1.2.3.4 ", "[::1]", "::1%lo"})
        EXPECT_FALSE(parse_address(text).has_value()) << text;
    EXPECT_EQ(to_string(*parse_address("::ffff:10.0.0.1")), "10.0.0.1");
    EXPECT_EQ(to_string(*parse_address("FD00::0:1")), "fd00::1");
}

TEST(Network, HoldsWhatItsPrefixCovers) {
    auto holds = [](std::string_view network, std::string_view address) {
        return contains(parse_network(network).value(), parse_address(address).value());
    };
    EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(holds("10.64.0.0/10", "10.127.0.1"));
    EXPECT_FALSE(holds("10.64.0.0/10", "10.128.0.1"));
    EXPECT_TRUE(holds("127.0.0.1", "127.0.0.1"));
    EXPECT_FALSE(holds("127.0.0.1", "127.0.0.2"));
    EXPECT_TRUE(holds("0.0.0.0/0", "8.8.8.8"));
    EXPECT_FALSE(holds("0.0.0.0/0", "2606:4700::1111"));
    EXPECT_TRUE(holds("fd00::/8", "fd12::1"));
    EXPECT_TRUE(holds("::/0", "8.8.8.8"));
    for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "x", "::/129"})
        EXPECT_FALSE(parse_network(text).has_value()) << text;
}

}  // namespace
}  // namespace maru::http
