// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "net/net_test.hpp"

#ifdef WEFT_TEST_TLS_STREAMS
#include "net/tls_test.hpp"
#endif

#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>

// The kinds of streams, for tests that ask the same of each. Another one is another entry: how to make two connected ends, and
// what differs from the rule.
namespace weft::test {

struct stream_kind {
    // What a read, or a write, waits for.
    static constexpr std::string_view reading = readable;
    static constexpr std::string_view writing = writable;
    // False: once a write has timed out, further ones fail for ever.
    static constexpr bool writes_after_a_timeout = true;
    // False: a close in the middle of a write is no end of the stream for the peer.
    static constexpr bool ends_after_a_cut_write = true;
};

struct tcp_kind : stream_kind {
    static constexpr const char* name = "tcp";
    static std::pair<net::tcp_stream, net::tcp_stream> make() { return connection(); }
};

struct socketpair_kind : stream_kind {
    static constexpr const char* name = "socketpair";
    static std::pair<net::descriptor, net::descriptor> make() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        return {net::descriptor(ends[0]), net::descriptor(ends[1])};
    }
};

struct unix_kind : stream_kind {
    static constexpr const char* name = "unix";
    static std::pair<net::unix_stream, net::unix_stream> make() { return net::unix_stream::pair(); }
};

struct pipe_kind : stream_kind {
    static constexpr const char* name = "pipe";
    static constexpr std::string_view reading = pipe_readable;
    static constexpr std::string_view writing = pipe_writable;
    static std::pair<net::pipe_stream, net::pipe_stream> make() { return net::pipe(); }
};

#ifdef WEFT_TEST_TLS_STREAMS
struct tls_kind : stream_kind {
    static constexpr const char* name = "tls";
    static constexpr bool writes_after_a_timeout = false;
    static constexpr bool ends_after_a_cut_write = false;
    static std::pair<tls, tls> make() { return shaken_hands(); }
};

using all_stream_kinds = ::testing::Types<tls_kind>; // a program of its own
#else
using all_stream_kinds = ::testing::Types<tcp_kind, socketpair_kind, unix_kind, pipe_kind>;
#endif

struct kind_name {
    template <class Kind>
    static std::string GetName(int) { // NOLINT(readability-identifier-naming): GoogleTest's
        return Kind::name;
    }
};

} // namespace weft::test
