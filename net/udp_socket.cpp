// SPDX-License-Identifier: BSL-1.0
#include "bare_socket.hpp"
#include "host_port.hpp"
#include "poller/turn.hpp"

#include <weft/cancelled.hpp>
#include <weft/net/error.hpp>
#include <weft/net/udp.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace weft::net {
namespace {

// Of a name its first address is taken.
template <class Make>
udp_socket from_text(std::string_view text, Make make, std::error_code& ec) {
    if (text.starts_with(':'))
        return on_all_addresses(
            text, [&](const std::string& at, std::error_code& error) { return from_text(at, make, error); },
            ec);
    const std::vector<endpoint> all = find_endpoints(text, ec);
    return all.empty() ? udp_socket() : make(all.front(), ec);
}

template <class Call>
std::size_t or_throw(Call call, const char* what) {
    std::error_code ec;
    const std::size_t done = call(ec);
    if (ec) throw io_error(ec, what, done);
    return done;
}

template <class Call>
udp_socket or_throw_at(Call call, const char* what, std::string_view where) {
    std::error_code ec;
    udp_socket result = call(ec);
    if (ec) throw io_error(ec, what + std::string(" '") + std::string(where) + "'");
    return result;
}

// IPv4 addresses as an IPv6 socket takes them.
socket_address address_for(bool v6_socket, const endpoint& to) noexcept {
    if (to.is_v6() || !v6_socket) return to_socket_address(to);
    std::array<std::uint8_t, 16> mapped{};
    mapped[10] = mapped[11] = 0xff;
    std::copy(to.bytes().begin(), to.bytes().end(), mapped.begin() + 12);
    return to_socket_address(endpoint::v6(mapped, to.port()));
}

// What one system call is asked to move.
template <std::size_t Capacity>
class message_array {
public:
    void add(std::span<const std::byte> bytes, const socket_address& address) noexcept {
        addresses_[count_] = address;
        messages_[count_] = {.bytes = const_cast<std::byte*>(bytes.data()),
            .size = bytes.size(),
            .address = &addresses_[count_].storage,
            .address_size = address.size};
        ++count_;
    }
    void add_without_address(std::span<const std::byte> bytes) noexcept {
        messages_[count_++] = {.bytes = const_cast<std::byte*>(bytes.data()), .size = bytes.size()};
    }
    std::size_t size() const noexcept { return count_; }
    sys::message* data() noexcept { return messages_.data(); }
    datagram at(std::size_t i) noexcept {
        addresses_[i].size = messages_[i].address_size;
        return {.size = messages_[i].size,
            .from = to_endpoint(addresses_[i]),
            .truncated = messages_[i].truncated};
    }

private:
    std::array<sys::message, Capacity> messages_;
    std::array<socket_address, Capacity> addresses_;
    std::size_t count_ = 0;
};

std::size_t bytes_of(long outcome) noexcept { return outcome > 0 ? static_cast<std::size_t>(outcome) : 0; }

} // namespace

// --- making them

udp_socket udp_socket::make(const endpoint& address, bool connected, std::error_code& ec) {
    bare_socket socket = make_inet_socket(address, SOCK_DGRAM);
    const socket_address at = to_socket_address(address);
    long result = socket.number();
    if (result >= 0 && address.is_v6() && !connected)
        result = sys::set_option(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (result >= 0) result = connected ? sys::connect(socket.number(), at.get(), at.size) : socket.bind(at);
    ec = outcome::to_error_code(result);
    if (ec) return {};
    registration* const attached = socket.attach(udp_traits, ec);
    return attached == nullptr ? udp_socket() : udp_socket(*attached, address.is_v6(), connected);
}

udp_socket udp_socket::bind(const endpoint& address, std::error_code& ec) { return make(address, false, ec); }
udp_socket udp_socket::connect(const endpoint& address, std::error_code& ec) {
    return make(address, true, ec);
}
udp_socket udp_socket::bind(std::string_view address, std::error_code& ec) {
    return from_text(address, [](const endpoint& at, std::error_code& error) { return bind(at, error); }, ec);
}
udp_socket udp_socket::connect(std::string_view address, std::error_code& ec) {
    return from_text(
        address, [](const endpoint& to, std::error_code& error) { return connect(to, error); }, ec);
}
udp_socket udp_socket::bind(std::string_view address) {
    return or_throw_at([&](std::error_code& ec) { return bind(address, ec); }, "bind to", address);
}
udp_socket udp_socket::connect(std::string_view address) {
    return or_throw_at([&](std::error_code& ec) { return connect(address, ec); }, "connect to", address);
}
udp_socket udp_socket::bind(const endpoint& address) {
    return or_throw_at(
        [&](std::error_code& ec) { return bind(address, ec); }, "bind to", address.to_string());
}
udp_socket udp_socket::connect(const endpoint& address) {
    return or_throw_at(
        [&](std::error_code& ec) { return connect(address, ec); }, "connect to", address.to_string());
}

// --- sending

std::size_t udp_socket::send(std::span<const std::byte> from, std::error_code& ec) {
    turn mine(registration_, flow::out);
    long result = mine.take();
    if (result == outcome::done)
        result =
            mine.perform(0, [&] { return sys::send(registration_->number(), from.data(), from.size()); });
    ec = outcome::to_error_code(result);
    return bytes_of(result);
}

std::size_t udp_socket::send_to(std::span<const std::byte> from, const endpoint& to, std::error_code& ec) {
    turn mine(registration_, flow::out);
    long result = mine.take();
    if (result == outcome::done) {
        const socket_address address = address_for(v6_, to);
        result = mine.perform(0, [&] {
            return sys::send_to(
                registration_->number(), from.data(), from.size(), address.get(), address.size);
        });
    }
    ec = outcome::to_error_code(result);
    return bytes_of(result);
}

std::size_t udp_socket::send_batch(std::span<const outgoing_datagram> batch, std::error_code& ec) {
    turn mine(registration_, flow::out);
    long result = mine.take();
    std::size_t sent = 0;
    while (result >= 0 && sent < batch.size()) {
        message_array<sys::most_messages> array;
        for (const auto& each : batch.subspan(sent, std::min(sys::most_messages, batch.size() - sent))) {
            if (connected_)
                array.add_without_address(each.bytes);
            else
                array.add(each.bytes, address_for(v6_, each.to));
        }
        try {
            result = mine.perform(
                0, [&] { return sys::send_messages(registration_->number(), array.data(), array.size()); });
        } catch (cancelled& early) {
            early.set_transferred(sent);
            throw;
        }
        sent += bytes_of(result);
    }
    ec = outcome::to_error_code(result);
    return sent;
}

// --- receiving

datagram udp_socket::recv_from(std::span<std::byte> to, std::error_code& ec) {
    turn mine(registration_, flow::in);
    long result = mine.take();
    message_array<1> one;
    one.add(to, {});
    if (result == outcome::done)
        result = mine.perform(0, [&] { return sys::receive_message(registration_->number(), *one.data()); });
    ec = outcome::to_error_code(result);
    return ec ? datagram() : one.at(0);
}

std::size_t udp_socket::recv(std::span<std::byte> to, std::error_code& ec) {
    const datagram got = recv_from(to, ec);
    if (got.truncated) ec = errc::message_too_long;
    return got.size;
}

std::size_t udp_socket::recv_batch(std::span<incoming_datagram> batch, std::error_code& ec) {
    turn mine(registration_, flow::in);
    long result = mine.take();
    if (batch.empty() || result != outcome::done) {
        ec = outcome::to_error_code(result);
        return 0;
    }
    const auto asked = batch.first(std::min(sys::most_messages, batch.size()));
    message_array<sys::most_messages> array;
    for (const incoming_datagram& each : asked) array.add(each.buffer, {});
    result = mine.perform(
        0, [&] { return sys::receive_messages(registration_->number(), array.data(), array.size()); });
    ec = outcome::to_error_code(result);
    for (std::size_t i = 0; i < bytes_of(result); ++i) asked[i].got = array.at(i);
    return bytes_of(result);
}

// --- those that throw

std::size_t udp_socket::send(std::span<const std::byte> from) {
    return or_throw([&](std::error_code& ec) { return send(from, ec); }, "send");
}
std::size_t udp_socket::send_to(std::span<const std::byte> from, const endpoint& to) {
    return or_throw([&](std::error_code& ec) { return send_to(from, to, ec); }, "send");
}
std::size_t udp_socket::send_batch(std::span<const outgoing_datagram> batch) {
    return or_throw([&](std::error_code& ec) { return send_batch(batch, ec); }, "send");
}
datagram udp_socket::recv_from(std::span<std::byte> to) {
    std::error_code ec;
    const datagram got = recv_from(to, ec);
    if (ec) throw io_error(ec, "recv");
    return got;
}
std::size_t udp_socket::recv(std::span<std::byte> to) {
    return or_throw([&](std::error_code& ec) { return recv(to, ec); }, "recv");
}
std::size_t udp_socket::recv_batch(std::span<incoming_datagram> batch) {
    return or_throw([&](std::error_code& ec) { return recv_batch(batch, ec); }, "recv");
}

// --- who they are

endpoint udp_socket::local_endpoint(std::error_code& ec) const {
    return net::local_endpoint(registration_, ec);
}
endpoint udp_socket::local_endpoint() const {
    std::error_code ec;
    const endpoint result = local_endpoint(ec);
    if (ec) throw io_error(ec, "local_endpoint");
    return result;
}
endpoint udp_socket::remote_endpoint(std::error_code& ec) const {
    const visit inside(registration_);
    long result = inside.result();
    socket_address address;
    if (result == outcome::done)
        result = sys::peer_name(registration_->number(), address.storage, address.size);
    ec = outcome::to_error_code(result);
    return ec ? endpoint() : to_endpoint(address);
}
endpoint udp_socket::remote_endpoint() const {
    std::error_code ec;
    const endpoint result = remote_endpoint(ec);
    if (ec) throw io_error(ec, "remote_endpoint");
    return result;
}

} // namespace weft::net
