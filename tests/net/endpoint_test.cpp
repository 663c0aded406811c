// SPDX-License-Identifier: BSL-1.0
#include <weft/net/endpoint.hpp>

#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <unordered_set>

#include <gtest/gtest.h>

namespace weft::net {
namespace {

TEST(Endpoint, ReadsWhatItWrites) {
    for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::]:0", "[::1]:80",
             "[2001:db8::1:2]:443", "[::ffff:1.2.3.4]:1", "[fe80::1%7]:9"}) {
        EXPECT_EQ(endpoint(text).to_string(), text);
        EXPECT_EQ(endpoint::parse(text), endpoint(text));
    }
    EXPECT_EQ(endpoint("[0:0:0:0:0:0:0:1]:080").to_string(), "[::1]:80");
}

TEST(Endpoint, HasItsParts) {
    const endpoint v4("127.0.0.1:80");
    EXPECT_EQ(v4.address(), "127.0.0.1");
    EXPECT_EQ(v4.port(), 80);
    EXPECT_FALSE(v4.is_v6());
    EXPECT_EQ(v4.bytes().size(), 4U);
    EXPECT_EQ(v4, endpoint("127.0.0.1", 80));

    const endpoint v6("[fe80::1%3]:443");
    EXPECT_EQ(v6.address(), "fe80::1%3");
    EXPECT_EQ(v6.scope(), 3U);
    EXPECT_TRUE(v6.is_v6());
    EXPECT_EQ(v6.bytes().size(), 16U);
    EXPECT_EQ(v6, endpoint("fe80::1%3", 443));

    EXPECT_EQ(endpoint(), endpoint("0.0.0.0:0"));
}

TEST(Endpoint, NamesItsInterface) { EXPECT_EQ(endpoint("[fe80::1%lo]:1"), endpoint("[fe80::1%1]:1")); }

TEST(Endpoint, QuotesMalformedText) {
    for (const char* text :
        {"", ":", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:+1",
            "127.0.0.1:65536", "127.0.0.1: 80", "127.0.0.1:80 ", "127.0.0:80", "127.0.0.01:80",
            "256.0.0.1:80", "::1:80", "[::1]", "[::1]80", "[::1:80", "::1]:80", "[127.0.0.1]:80", "[:::1]:80",
            "[::1%]:80", "[::1%nosuchinterface]:80", "127.0.0.1%1:80", "localhost:80", ":80", "[]:80"}) {
        EXPECT_EQ(endpoint::parse(text), std::nullopt) << text;
        try {
            const endpoint made(text);
            ADD_FAILURE() << text << " gave " << made;
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), std::errc::invalid_argument);
            EXPECT_NE(std::string(error.what()).find("'" + std::string(text) + "'"), std::string::npos)
                << error.what();
        }
    }
    EXPECT_THROW(endpoint("localhost", 80), std::system_error);
    EXPECT_THROW(endpoint(std::string_view("127.0.0.1\0:80", 13)), std::system_error);
    EXPECT_THROW(endpoint(std::string_view("127.0.0.1\0", 10), 80), std::system_error);
}

TEST(Endpoint, IsOrderedByFamilyAddressAndPort) {
    const std::set<endpoint> sorted{endpoint("[::1]:1"), endpoint("10.0.0.2:1"), endpoint("10.0.0.1:9"),
        endpoint("10.0.0.1:8"), endpoint("[::]:5"), endpoint("10.0.0.1:8")};
    std::string text;
    for (const endpoint& each : sorted) text += each.to_string() + " ";
    EXPECT_EQ(text, "10.0.0.1:8 10.0.0.1:9 10.0.0.2:1 [::]:5 [::1]:1 ");
}

TEST(Endpoint, HashTellsThemApart) {
    std::unordered_set<endpoint> all;
    std::unordered_set<std::size_t> hashes;
    for (std::uint16_t port = 0; port < 1000; ++port) {
        for (const char* ip : {"10.0.0.1", "10.0.0.2", "::1"}) {
            all.emplace(ip, port);
            hashes.insert(std::hash<endpoint>()(endpoint(ip, port)));
        }
    }
    EXPECT_EQ(all.size(), 3000U);
    EXPECT_EQ(hashes.size(), 3000U);
    EXPECT_EQ(std::hash<endpoint>()(endpoint("10.0.0.1:1")), std::hash<endpoint>()(endpoint("10.0.0.1", 1)));
}

TEST(Endpoint, CanBePrinted) {
    std::ostringstream out;
    out << endpoint("[::1]:80");
    EXPECT_EQ(out.str(), "[::1]:80");
}

} // namespace
} // namespace weft::net
