// SPDX-License-Identifier: BSL-1.0
#include "cancel/blocking_calls.hpp"

#include <weft/net.hpp>
#include <weft/net/readiness.hpp>
#include <weft/weft.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/socket.h>

namespace weft::test {
namespace {

using namespace std::chrono_literals;

struct connection {
    net::tcp_listener listener = net::tcp_listener::listen("127.0.0.1:0");
    net::tcp_stream near = net::tcp_stream::connect(listener.local_endpoint());
    net::tcp_stream far = listener.accept();
};

// Until it can take nothing more. That the deadline has passed does not show it: the fiber may have had no processor.
template <class Stream>
void fill(Stream& stream) {
    const std::vector<std::byte> block(1 << 20);
    std::error_code ec;
    do {
        stream.set_write_deadline(20ms);
        stream.write_all(block, ec);
    } while (!ec || ::send(stream.native_handle(), block.data(), block.size(), MSG_DONTWAIT) >= 0);
    stream.clear_deadline();
}

// One whose near end can write nothing more.
struct full_connection : connection {
    full_connection() { fill(near); }
};

// A listener that takes no further connection.
struct full_backlog {
    net::tcp_listener listener = net::tcp_listener::listen("127.0.0.1:0", {.backlog = 1});
    std::vector<net::tcp_stream> waiting;
    full_backlog() {
        std::error_code ec;
        while (!ec)
            waiting.push_back(net::tcp_stream::connect(listener.local_endpoint(), {.timeout = 30ms}, ec));
    }
};

struct pipe_ends {
    std::pair<net::pipe_stream, net::pipe_stream> ends = net::pipe();
    net::pipe_stream& near = ends.first;
};

// One at which somebody waits in a read and in a write already.
struct busy_pipe : pipe_ends {
    fiber<void> reader = go([this] {
        std::array<std::byte, 8> to;
        std::error_code ec;
        near.read_some(to, ec);
    });
    fiber<void> writer = go([this] {
        std::error_code ec;
        near.write_all(std::array<std::byte, 8>(), ec);
    });
    busy_pipe() {
        select(on_writable(ends.second, [] {}));
        select(on_readable(ends.second, [] {}));
    }
    ~busy_pipe() {
        near.close();
        for (fiber<void>* each : {&reader, &writer}) {
            try {
                shield([&] { each->join(); });
            } catch (const cancelled&) { // by the end of the runtime
            }
        }
    }
};

struct unix_pair {
    std::pair<net::unix_stream, net::unix_stream> ends = net::unix_stream::pair();
};
struct full_unix_pair : unix_pair {
    full_unix_pair() { fill(ends.first); }
};
struct datagrams {
    net::udp_socket socket = net::udp_socket::bind("127.0.0.1:0");
};
struct two_connections {
    connection one, other;
};
struct a_server {
    net::tcp_listener listener = net::tcp_listener::listen("127.0.0.1:0");
    net::server server;
};
struct a_file {
    std::FILE* file = std::tmpfile();
    full_connection to;
    a_file() {
        std::fputs("content", file);
        std::fflush(file);
    }
    ~a_file() { std::fclose(file); }
    a_file(const a_file&) = delete;
    a_file& operator=(const a_file&) = delete;
};

struct signals {
    net::signal_set set{SIGUSR1};
};

struct child {
    net::process running = net::process::spawn({"cat"}, {.stdin_ = net::stdio::pipe});
};

const std::array<std::byte, 64> bytes{};
using prefix = net::length_prefix<std::uint32_t>;

} // namespace

std::vector<blocking_call> network_calls() {
    return {
        {"accept", set_up<connection>([](auto& of) { of.listener.accept(); })},
        {"accept_error_code", set_up<connection>([](auto& of) {
             std::error_code ec;
             of.listener.accept(ec);
         })},
        {"connect", set_up<full_backlog>([](auto& of) {
             static_cast<void>(net::tcp_stream::connect(of.listener.local_endpoint()));
         })},
        {"read_some", set_up<connection>([](auto& of) {
             std::array<std::byte, 8> to;
             of.near.read_some(to);
         })},
        {"read_exactly", set_up<connection>([](auto& of) {
             std::array<std::byte, 8> to;
             of.near.read_exactly(to);
         })},
        {"read_error_code", set_up<connection>([](auto& of) {
             std::array<std::byte, 8> to;
             std::error_code ec;
             of.near.read_some(to, ec);
         })},
        {"write_some", set_up<full_connection>([](auto& of) { of.near.write_some(bytes); })},
        {"write_all", set_up<full_connection>([](auto& of) { of.near.write_all(bytes); })},
        {"write_gathered", set_up<full_connection>([](auto& of) {
             of.near.write_all(std::vector<std::span<const std::byte>>{bytes, bytes});
         })},
        {"send_file", set_up<a_file>([](auto& of) { of.to.near.send_file(::fileno(of.file), 0, 7); })},
        {"copy", set_up<two_connections>([](auto& of) { net::copy(of.one.near, of.other.near); })},
        {"copy_bidirectional",
            set_up<two_connections>([](auto& of) { net::copy_bidirectional(of.one.near, of.other.near); })},
        {"recv_fd", set_up<unix_pair>([](auto& of) { of.ends.first.recv_fd(); })},
        {"send_fd", set_up<full_unix_pair>([](auto& of) { of.ends.first.send_fd(0); })},
        {"recv_from", set_up<datagrams>([](auto& of) {
             std::array<std::byte, 8> to;
             of.socket.recv_from(to);
         })},
        {"recv_batch", set_up<datagrams>([](auto& of) {
             std::array<std::byte, 8> to;
             std::array<net::incoming_datagram, 1> batch{{{.buffer = to}}};
             of.socket.recv_batch(batch);
         })},
        {"serve", set_up<a_server>([](auto& of) { of.server.serve(of.listener, [](net::tcp_stream) {}); })},
        {"on_accept",
            set_up<connection>([](auto& of) { select(on_accept(of.listener, [](net::tcp_stream) {})); })},
        {"pipe_read_some", set_up<pipe_ends>([](auto& of) {
             std::array<std::byte, 8> to;
             of.near.read_some(to);
         })},
        {"pipe_read_exactly", set_up<busy_pipe>([](auto& of) {
             std::array<std::byte, 8> to;
             std::error_code ec;
             of.near.read_exactly(to, ec);
         })},
        {"pipe_write_some", set_up<pipe_ends>([](auto& of) { of.near.write_some(bytes); })},
        {"pipe_write_all", set_up<busy_pipe>([](auto& of) { of.near.write_all(bytes); })},
        {"pipe_write_gathered", set_up<pipe_ends>([](auto& of) {
             of.near.write_all(std::vector<std::span<const std::byte>>{bytes, bytes});
         })},
        {"pipe_on_readable", set_up<pipe_ends>([](auto& of) { select(on_readable(of.near, [] {})); })},
        {"pipe_on_writable", set_up<pipe_ends>([](auto& of) { select(on_writable(of.near, [] {})); })},
        {"read_line", set_up<connection>([](auto& of) { net::buffered_reader(of.near, 100).read_line(); })},
        {"read_until",
            set_up<connection>([](auto& of) { net::buffered_reader(of.near, 100).read_until(';'); })},
        {"buffered_read_exactly", set_up<connection>([](auto& of) {
             std::array<std::byte, 8> to;
             net::buffered_reader(of.near, 100).read_exactly(to);
         })},
        {"buffered_write_all",
            set_up<full_connection>([](auto& of) { net::buffered_writer(of.near, 10).write_all(bytes); })},
        {"flush", set_up<full_connection>([](auto& of) {
             net::buffered_writer writer(of.near, 100);
             writer.write_all(bytes);
             writer.flush();
         })},
        {"read_frame", set_up<connection>([](auto& of) { net::framed(of.near, 100, prefix()).read(); })},
        {"write_frame",
            set_up<full_connection>([](auto& of) { net::framed(of.near, 100, prefix()).write(bytes); })},
        {"on_readable_buffered", set_up<connection>([](auto& of) {
             net::buffered_reader reader(of.near, 100);
             select(on_readable(reader, [] {}));
         })},
        {"on_readable", set_up<connection>([](auto& of) { select(on_readable(of.near, [] {})); })},
        {"on_writable", set_up<full_connection>([](auto& of) { select(on_writable(of.near, [] {})); })},
        {"signal_wait", set_up<signals>([](auto& of) { of.set.wait(); })},
        {"signal_wait_until", set_up<signals>([](auto& of) { of.set.wait_for(1h); })},
        {"on_signal", set_up<signals>([](auto& of) { select(on_signal(of.set, [](int) {})); })},
        {"process_wait", set_up<child>([](auto& of) { of.running.wait(); })},
        {"process_wait_until", set_up<child>([](auto& of) { of.running.wait_for(1h); })},
        {"on_exit", set_up<child>([](auto& of) { select(on_exit(of.running, [](net::exit_status) {})); })},
    };
}

} // namespace weft::test
