// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::net {
namespace {

using test::bytes;
using test::running;
using test::unread;
using test::until;
using test::whereabouts;

struct raw_address {
    explicit raw_address(const test::over_tcp& of) {
        auto& in = reinterpret_cast<sockaddr_in&>(storage);
        in.sin_family = AF_INET;
        in.sin_port = htons(of.address.port());
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        size = sizeof in;
    }
    explicit raw_address(const test::over_unix& of) {
        auto& un = reinterpret_cast<sockaddr_un&>(storage);
        un.sun_family = AF_UNIX;
        std::memcpy(
            un.sun_path + 1, of.path.data() + 1, of.path.size() - 1); // its first byte is zero, as '@' says
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + of.path.size());
    }
    sockaddr_storage storage{};
    socklen_t size = 0;
};

// A process that connects, writes a text and does nothing more, until it is killed. After the fork it makes system calls only.
class child {
public:
    child(const raw_address& to, std::string_view text) : process_(::fork()) {
        if (process_ == 0) be_the_child(to, text);
        EXPECT_GT(process_, 0);
    }
    ~child() { kill(); }
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    // SIGKILL; returns when the system has closed all that it had.
    void kill() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
        process_ = -1;
    }

private:
    [[noreturn]] static void be_the_child(const raw_address& to, std::string_view text) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int fd = ::socket(to.storage.ss_family, SOCK_STREAM, 0);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0 ||
            ::write(fd, text.data(), text.size()) < 0)
            ::_exit(1);
        for (;;) ::pause();
    }

    pid_t process_;
};

// What a read of 100 bytes got, and why not all.
template <class Stream>
std::pair<std::string, std::error_code> read_message(Stream& from) {
    std::string text(100, '\0');
    std::error_code ec;
    text.resize(from.read_exactly(std::as_writable_bytes(std::span(text)), ec));
    return {text, ec};
}

using KilledPeer = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, KilledPeer, test::all_worker_counts(), test::workers_name);

template <class Over>
void in_the_middle_of_its_message() {
    Over over;
    child peer(raw_address(over), "half of it");
    auto stream = over.listener.accept();
    until([&] { return unread(stream) == 10; });
    peer.kill();
    EXPECT_EQ(
        read_message(stream), std::pair(std::string("half of it"), make_error_code(errc::unexpected_eof)));
    EXPECT_EQ(read_message(stream), std::pair(std::string(), make_error_code(errc::eof)));
}

TEST_P(KilledPeer, WhatItHadSentComesFirst) {
    run([] {
        in_the_middle_of_its_message<test::over_tcp>();
        in_the_middle_of_its_message<test::over_unix>();
    });
}

// It had not read all: the system resets the connection. What it had sent comes first all the same.
template <class Over>
void with_something_unread() {
    Over over;
    child peer(raw_address(over), "half of it");
    auto stream = over.listener.accept();
    until([&] { return unread(stream) == 10; });
    stream.write_all(bytes("never read"));
    peer.kill();
    const auto [text, error] = read_message(stream);
    EXPECT_EQ(text, "half of it");
    EXPECT_EQ(error, std::errc::connection_reset);
    EXPECT_EQ(test::failure_of([&] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);
}

TEST_P(KilledPeer, WithSomethingUnreadItIsAReset) {
    run([] {
        with_something_unread<test::over_tcp>();
        with_something_unread<test::over_unix>();
    });
}

template <class Over>
void wakes_whoever_waits() {
    Over over;
    child peer(raw_address(over), "");
    auto stream = over.listener.accept();
    whereabouts reading;
    auto reader = go([&] {
        reading.here();
        return read_message(stream);
    });
    reading.await_parked(test::readable);
    whereabouts writing;
    static const std::vector<std::byte> much(32'000'000);
    auto writer = go([&] {
        writing.here();
        std::error_code ec;
        EXPECT_LT(stream.write_all(much, ec), much.size());
        return ec;
    });
    writing.await_parked(test::writable);
    peer.kill();
    const std::error_code of_writer = writer.join();
    EXPECT_TRUE(of_writer == std::errc::connection_reset || of_writer == std::errc::broken_pipe) << of_writer;
    const auto [text, of_reader] = reader.join();
    EXPECT_EQ(text, "");
    EXPECT_TRUE(of_reader == std::errc::connection_reset || of_reader == errc::eof) << of_reader;
}

TEST_P(KilledPeer, WakesWhoeverWaits) {
    run([] {
        wakes_whoever_waits<test::over_tcp>();
        wakes_whoever_waits<test::over_unix>();
    });
}

TEST_P(KilledPeer, ServerGoesOn) {
    run([] {
        test::over_tcp over;
        const raw_address address(over);
        running srv({}, test::echo, std::move(over));
        auto client = srv.connect();
        for (std::uint64_t killed = 1; killed <= 5; ++killed) {
            child peer(address, "a word");
            until([&] { return srv->statistics().accepted == 1 + killed; });
            peer.kill();
            until([&] { return srv->statistics().active == 1; });
            test::expect_echo(client);
        }
        srv->shutdown(std::chrono::seconds(0));
        srv.join();
    });
}

} // namespace
} // namespace weft::net
