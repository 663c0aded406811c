// SPDX-License-Identifier: BSL-1.0
#include "cancel/blocking_calls.hpp"

#ifdef WEFT_TEST_TLS_STREAMS
#include "net/tls_test.hpp"

#include <weft/weft.hpp>

#include <array>
#include <cstddef>
#include <utility>
#include <vector>
#endif

namespace weft::test {

#ifdef WEFT_TEST_TLS_STREAMS
namespace {

// The peer of the one says nothing; that of the other has made the handshake, and reads and writes no more.
struct silent_peer {
    std::pair<tls, tls> ends = tls_connection(client_context(), server_context());
};
struct idle_peer {
    std::pair<tls, tls> ends = shaken_hands();
};

} // namespace

std::vector<blocking_call> tls_calls() {
    return {
        {"tls_handshake", set_up<silent_peer>([](auto& of) { of.ends.first.handshake(); })},
        {"tls_accept", set_up<silent_peer>([](auto& of) { of.ends.second.handshake(); })},
        {"tls_read_some", set_up<idle_peer>([](auto& of) {
             std::array<std::byte, 8> to;
             of.ends.first.read_some(to);
         })},
        {"tls_read_exactly", set_up<idle_peer>([](auto& of) {
             std::array<std::byte, 8> to;
             of.ends.first.read_exactly(to);
         })},
        {"tls_write_all", set_up<idle_peer>([](auto& of) {
             static const std::vector<std::byte> more_than_fits(std::size_t{64} << 20);
             of.ends.first.write_all(more_than_fits);
         })},
        {"tls_on_readable", set_up<idle_peer>([](auto& of) { select(on_readable(of.ends.first, [] {})); })},
    };
}
#else
std::vector<blocking_call> tls_calls() { return {}; }
#endif

} // namespace weft::test
