// SPDX-License-Identifier: BSL-1.0
#include "cancel/blocking_calls.hpp"

#include <weft/net.hpp>
#include <weft/net/readiness.hpp>
#include <weft/weft.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace weft::test {
namespace {

using namespace std::chrono_literals;

struct connection {
    net::tcp_listener listener = net::tcp_listener::listen("127.0.0.1:0");
    net::tcp_stream near = net::tcp_stream::connect(listener.local_endpoint());
    net::tcp_stream far = listener.accept();
};

// One whose near end can write nothing more.
struct full_connection : connection {
    full_connection() {
        const std::vector<std::byte> block(1 << 20);
        std::error_code ec;
        near.set_write_deadline(20ms);
        while (!ec) near.write_all(block, ec);
        near.set_write_deadline(clock::time_point::max());
    }
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

// Set up shielded: the cell of the table where the caller is cancelled already is about the call alone.
template <class T, class Call>
std::function<std::function<void()>()> with(Call call) {
    return [call] { return [of = shield([] { return std::make_shared<T>(); }), call] { call(*of); }; };
}

const std::array<std::byte, 64> bytes{};

} // namespace

std::vector<blocking_call> network_calls() {
    return {
        {"accept", with<connection>([](auto& of) { of.listener.accept(); })},
        {"accept_error_code", with<connection>([](auto& of) {
             std::error_code ec;
             of.listener.accept(ec);
         })},
        {"connect", with<full_backlog>([](auto& of) {
             static_cast<void>(net::tcp_stream::connect(of.listener.local_endpoint()));
         })},
        {"read_some", with<connection>([](auto& of) {
             std::array<std::byte, 8> to;
             of.near.read_some(to);
         })},
        {"read_exactly", with<connection>([](auto& of) {
             std::array<std::byte, 8> to;
             of.near.read_exactly(to);
         })},
        {"read_error_code", with<connection>([](auto& of) {
             std::array<std::byte, 8> to;
             std::error_code ec;
             of.near.read_some(to, ec);
         })},
        {"write_some", with<full_connection>([](auto& of) { of.near.write_some(bytes); })},
        {"write_all", with<full_connection>([](auto& of) { of.near.write_all(bytes); })},
        {"write_gathered", with<full_connection>([](auto& of) {
             of.near.write_all(std::vector<std::span<const std::byte>>{bytes, bytes});
         })},
        {"on_readable", with<connection>([](auto& of) { select(on_readable(of.near, [] {})); })},
        {"on_writable", with<full_connection>([](auto& of) { select(on_writable(of.near, [] {})); })},
    };
}

} // namespace weft::test
