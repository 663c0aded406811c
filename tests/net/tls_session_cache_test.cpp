// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"
#include "tls/session_cache.hpp"

#include <string>

#include <openssl/ssl.h>

namespace weft::net {
namespace {

// A session that could be resumed, told from others by its number.
session_ptr session(unsigned char number, int version) {
    session_ptr made(SSL_SESSION_new());
    SSL_SESSION_set1_id(made.get(), &number, 1);
    SSL_SESSION_set_protocol_version(made.get(), version);
    return made;
}

// 0: none.
int taken(session_cache& from, const std::string& host) {
    const session_ptr session = from.take(host);
    if (session == nullptr) return 0;
    unsigned size = 0;
    return *SSL_SESSION_get_id(session.get(), &size);
}

TEST(TlsSessionCache, TheLatestIsTakenOutInTls1_3) {
    session_cache cache;
    EXPECT_EQ(taken(cache, "a"), 0);
    cache.keep("a", session(1, TLS1_3_VERSION));
    cache.keep("a", session(2, TLS1_3_VERSION));
    cache.keep("b", session(3, TLS1_3_VERSION));
    EXPECT_EQ(taken(cache, "a"), 2);
    EXPECT_EQ(taken(cache, "a"), 1);
    EXPECT_EQ(taken(cache, "a"), 0);
    EXPECT_EQ(taken(cache, "b"), 3);
}

TEST(TlsSessionCache, ItStaysInTls1_2) {
    session_cache cache;
    cache.keep("a", session(1, TLS1_2_VERSION));
    EXPECT_EQ(taken(cache, "a"), 1);
    EXPECT_EQ(taken(cache, "a"), 1);
}

TEST(TlsSessionCache, OneThatIsNoGoodAnyMoreIsDropped) {
    session_cache cache;
    cache.keep("a", session(1, TLS1_3_VERSION));
    session_ptr without_id(SSL_SESSION_new());
    cache.keep("a", std::move(without_id));
    EXPECT_EQ(taken(cache, "a"), 1);
}

TEST(TlsSessionCache, TheOldestOfAHostGoes) {
    session_cache cache;
    for (unsigned char i = 1; i <= session_cache::most_of_a_host + 1; ++i)
        cache.keep("a", session(i, TLS1_3_VERSION));
    for (int i = session_cache::most_of_a_host + 1; i > 1; --i) EXPECT_EQ(taken(cache, "a"), i);
    EXPECT_EQ(taken(cache, "a"), 0);
}

TEST(TlsSessionCache, TheHostThatWasNotAskedForGoes) {
    session_cache cache;
    for (std::size_t i = 0; i < session_cache::most_hosts; ++i)
        cache.keep(std::to_string(i), session(1, TLS1_2_VERSION));
    EXPECT_EQ(taken(cache, "0"), 1);
    cache.keep("one more", session(2, TLS1_2_VERSION));
    EXPECT_EQ(taken(cache, "0"), 1);
    EXPECT_EQ(taken(cache, "1"), 0);
    EXPECT_EQ(taken(cache, "2"), 1);
    EXPECT_EQ(taken(cache, "one more"), 2);
}

} // namespace
} // namespace weft::net
