// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"

#include <weft/channel.hpp>
#include <weft/net/buffered.hpp>
#include <weft/net/framed.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::reset_at_close;
using test::running;
using test::unread;
using test::until;
using test::whereabouts;

// An exchange: a request and a reply, each a frame of 32 bytes. The peer fails at each of these 64 bytes, in each of these ways.
enum class fault {
    reset, // RST, whatever is on its way
    close, // what the system makes of it: a reset if something was left unread, the end of the stream otherwise
    half_close, // the end of the stream
    stall,      // silence; the caller's deadline ends it
};
constexpr std::size_t frame_size = 32;
constexpr std::size_t header_size = 4;

// Where in the exchange, and how. A part of each message, since SCOPED_TRACE is a thread's, not a fiber's.
struct spot {
    std::size_t offset;
    fault kind;
};
std::ostream& operator<<(std::ostream& to, const spot& where) {
    constexpr const char* names[] = {"reset", "close", "half_close", "stall"};
    return to << names[static_cast<int>(where.kind)] << " at " << where.offset;
}

std::vector<std::byte> frame_of(int first) {
    std::vector<std::byte> result(frame_size);
    result[header_size - 1] = static_cast<std::byte>(frame_size - header_size);
    for (std::size_t i = header_size; i < frame_size; ++i)
        result[i] = static_cast<std::byte>(static_cast<std::size_t>(first) + i);
    return result;
}

template <class Stream>
void fail(Stream& peer, fault kind) {
    if (kind == fault::reset) reset_at_close(peer);
    if (kind == fault::half_close)
        peer.shutdown(direction::send);
    else
        peer.close();
}

// All that was ever sent to it is here. Over a Unix socket it always is.
void await_arrival(const unix_stream&, std::size_t) {}
void await_arrival(const tcp_stream& to, std::size_t sum) {
    until([&] {
        tcp_info info{};
        socklen_t size = sizeof info;
        EXPECT_EQ(::getsockopt(to.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
        return info.tcpi_bytes_received >= sum;
    });
}

struct told {
    std::error_code error;
    std::size_t transferred = 0;
};

// Two ways to read a reply. Each tells how much of it is there, and goes on after a deadline.
template <class Stream>
class exactly {
public:
    explicit exactly(Stream& from) : from_(from) {}
    told read() {
        try {
            from_.read_exactly(std::span(reply_).subspan(have_));
            return {{}, frame_size};
        } catch (const io_error& error) {
            have_ += error.transferred();
            return {error.code(), have_};
        }
    }
    const std::vector<std::byte>& reply() const { return reply_; }

private:
    Stream& from_;
    std::vector<std::byte> reply_ = std::vector<std::byte>(frame_size);
    std::size_t have_ = 0;
};

template <class Stream>
class through_a_buffer {
public:
    explicit through_a_buffer(Stream& from) : from_(from, frame_size) {}
    told read() {
        std::error_code ec;
        const std::size_t count = from_.read_exactly(reply_, ec);
        EXPECT_EQ(count, ec ? 0 : frame_size);
        return {ec, ec ? from_.buffered() : count};
    }
    const std::vector<std::byte>& reply() const { return reply_; }

private:
    buffered_reader<Stream&> from_;
    std::vector<std::byte> reply_ = std::vector<std::byte>(frame_size);
};

// The very code, which tells more than the condition.
const std::error_code connection_reset(ECONNRESET, std::system_category());

std::error_code end_after(std::size_t bytes) { return bytes == 0 ? errc::eof : errc::unexpected_eof; }

// --- the caller is the client

template <class Over, template <class> class Reader>
class failing_server {
public:
    using stream = typename Over::stream;

    void fail_at(const spot& at) {
        const std::size_t offset = at.offset;
        const fault kind = at.kind;
        stream caller = over_.connect();
        stream peer = over_.listener.accept();
        caller.write_all(request_);
        whereabouts where;
        Reader<stream> reader(caller);
        auto calling = go([&] {
            where.here();
            return reader.read();
        });
        const std::size_t taken = std::min(offset, frame_size);
        const std::size_t answered = offset - taken;
        std::vector<std::byte> received(taken);
        peer.read_exactly(received);
        peer.write_all(std::span(reply_).first(answered));
        until([&] { return unread(peer) == frame_size - taken; });
        await_arrival(caller, answered);
        if (kind == fault::stall) {
            until([&] { return unread(caller) == 0; });
            where.await_parked(test::readable);
            caller.set_read_deadline(0s);
        } else {
            fail(peer, kind);
        }
        const told result = calling.join();
        EXPECT_EQ(result.error, expected(at)) << at;
        EXPECT_EQ(result.transferred, answered) << at;
        if (kind == fault::stall) {
            caller.set_read_deadline(clock::time_point::max());
            peer.write_all(std::span(reply_).subspan(answered));
            EXPECT_EQ(reader.read().error, std::error_code()) << at;
            EXPECT_EQ(reader.reply(), reply_) << at;
        }
    }

private:
    static std::error_code expected(const spot& at) {
        const std::size_t offset = at.offset;
        const fault kind = at.kind;
        const bool left_unread = offset < frame_size;
        if (kind == fault::stall) return errc::deadline_exceeded;
        if (kind == fault::reset || (kind == fault::close && left_unread)) return connection_reset;
        return end_after(left_unread ? 0 : offset - frame_size);
    }

    Over over_;
    const std::vector<std::byte> request_ = frame_of(1);
    const std::vector<std::byte> reply_ = frame_of(100);
};

// --- the caller is a server's handler

template <class Over>
class failing_client {
public:
    using stream = typename Over::stream;

    ~failing_client() {
        healthy_.close();
        EXPECT_EQ(endings_.recv(), std::error_code());
        server_->shutdown();
        server_.join();
        EXPECT_EQ(server_->statistics().failed, 0U);
    }
    failing_client() { static_cast<void>(arrivals_.recv()); }
    failing_client(const failing_client&) = delete;
    failing_client& operator=(const failing_client&) = delete;

    void fail_at(const spot& at) {
        const std::size_t offset = at.offset;
        const fault kind = at.kind;
        stream peer = server_.connect();
        stream* const handled = *arrivals_.recv();
        const std::size_t asked = std::min(offset, frame_size);
        peer.write_all(std::span(request_).first(asked));
        await_arrival(*handled, asked);
        if (asked == frame_size) {
            std::vector<std::byte> received(offset - asked);
            peer.read_exactly(received);
            until([&] { return unread(peer) == 2 * frame_size - offset; });
        }
        if (kind == fault::stall)
            handled->set_read_deadline(0s);
        else
            fail(peer, kind);
        EXPECT_EQ(endings_.recv(), expected(at)) << at;
        if (kind == fault::stall) {
            resume_.send(true);
            if (asked == frame_size) peer.write_all(request_);
            peer.write_all(std::span(request_).subspan(asked));
            std::vector<std::byte> rest(asked == frame_size ? 3 * frame_size - offset : frame_size);
            peer.read_exactly(rest);
            EXPECT_TRUE(std::equal(request_.begin(), request_.end(), rest.end() - std::ptrdiff_t{frame_size}))
                << at;
            peer.close();
            EXPECT_EQ(endings_.recv(), std::error_code()) << at;
        }
        exchange(healthy_);
        until([&] { return server_->statistics().active == 1; });
    }

private:
    static std::error_code expected(const spot& at) {
        const std::size_t offset = at.offset;
        const fault kind = at.kind;
        const bool left_unread = offset >= frame_size; // some of the reply
        if (kind == fault::stall) return errc::deadline_exceeded;
        if (kind == fault::reset || (kind == fault::close && left_unread)) return connection_reset;
        return offset == 0 || left_unread ? std::error_code() : errc::unexpected_eof;
    }
    // Sends back each frame. Without an error at the end of the stream.
    void handle(stream peer) {
        arrivals_.send(&peer);
        framed<length_prefix<std::uint32_t>, stream&> messages(peer, frame_size);
        for (;;) {
            std::error_code ec;
            if (const auto request = messages.read(ec)) {
                messages.write(*request);
                continue;
            }
            endings_.send(ec);
            if (ec != errc::deadline_exceeded) return;
            static_cast<void>(resume_.recv());
            peer.set_read_deadline(clock::time_point::max());
        }
    }
    void exchange(stream& with) const {
        with.write_all(request_);
        std::vector<std::byte> reply(frame_size);
        with.read_exactly(reply);
        EXPECT_EQ(reply, request_);
    }

    const std::vector<std::byte> request_ = frame_of(1);
    const channel<stream*> arrivals_{1};
    const channel<std::error_code> endings_{1};
    const channel<bool> resume_{1};
    struct handler {
        failing_client* of;
        void operator()(stream peer) const { of->handle(std::move(peer)); }
    };
    running<handler, Over> server_{{}, handler{this}};
    stream healthy_ = server_.connect();
};

using ExchangeFaults = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, ExchangeFaults, test::all_worker_counts(), test::workers_name);

template <class Exchange>
void fail_everywhere() {
    Exchange exchange;
    for (const fault kind : {fault::reset, fault::close, fault::half_close, fault::stall}) {
        // A Unix socket knows none but that of a close.
        if (kind == fault::reset && !std::is_same_v<typename Exchange::stream, tcp_stream>) continue;
        for (std::size_t offset = 0; offset < 2 * frame_size; ++offset) exchange.fail_at({offset, kind});
    }
}

TEST_P(ExchangeFaults, ClientOverTcp) { run(fail_everywhere<failing_server<test::over_tcp, exactly>>); }
TEST_P(ExchangeFaults, ClientOverTcpWithABuffer) {
    run(fail_everywhere<failing_server<test::over_tcp, through_a_buffer>>);
}
TEST_P(ExchangeFaults, ClientOverUnix) { run(fail_everywhere<failing_server<test::over_unix, exactly>>); }
TEST_P(ExchangeFaults, ServerOverTcp) { run(fail_everywhere<failing_client<test::over_tcp>>); }
TEST_P(ExchangeFaults, ServerOverUnix) { run(fail_everywhere<failing_client<test::over_unix>>); }

} // namespace
} // namespace weft::net
