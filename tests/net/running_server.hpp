// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "net/tcp_test.hpp"

#include <weft/net/server.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <unistd.h>

namespace weft::test {

// A listener on a free address, and the way to it.
struct over_tcp {
    using stream = net::tcp_stream;

    stream connect() const { return stream::connect(address); }

    net::tcp_listener listener = net::tcp_listener::listen("127.0.0.1:0");
    net::endpoint address = listener.local_endpoint();
};

struct over_unix {
    using stream = net::unix_stream;

    stream connect() const { return stream::connect(path); }
    static std::string free_name() {
        static std::atomic<int> count{0};
        return "@weft-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    }

    std::string path = free_name();
    net::unix_listener listener = net::unix_listener::listen(path);
};

// A server that runs, and where it is.
template <class Handler, class Over = over_tcp>
class running {
public:
    running(net::server_options options, Handler handler, Over over = {})
        : over_(std::move(over)),
          server_(std::move(options)),
          serving_(go([this, handler] {
              where_.here();
              server_.serve(over_.listener, handler);
          })) {}
    auto connect() const { return over_.connect(); }
    net::server& operator*() { return server_; }
    net::server* operator->() { return &server_; }
    void join() { serving_.join(); }
    void cancel() { serving_.cancel(); }
    auto& listener() { return over_.listener; }
    // Where the fiber that accepts is.
    const whereabouts& where() const { return where_; }

private:
    Over over_;
    net::server server_;
    whereabouts where_;
    fiber<void> serving_;
};

inline void until(const std::function<bool()>& holds) {
    while (!holds()) {
        yield();
        std::this_thread::yield();
    }
}

template <class Stream>
void expect_echo(Stream& stream) {
    stream.write_all(bytes("x"));
    EXPECT_EQ(read_exact_text(stream, 1), "x");
}

} // namespace weft::test
