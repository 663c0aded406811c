// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/select.hpp>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

// A directory that goes away with the test.
class folder {
public:
    folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-unix-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~folder() { std::filesystem::remove_all(path_); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;

    std::string at(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

using UnixStream = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, UnixStream, test::all_worker_counts(), test::workers_name);

TEST_P(UnixStream, CarriesBytesBothWaysAndItsEnd) {
    run([] {
        const folder here;
        auto listener = unix_listener::listen(here.at("socket"));
        auto client = go([&] {
            auto stream = unix_stream::connect(here.at("socket"));
            stream.write_all(bytes("ping"));
            EXPECT_EQ(read_exact_text(stream, 4), "pong");
            stream.shutdown(direction::send);
            EXPECT_EQ(read_text(stream, 1), "");
        });
        auto server = listener.accept();
        EXPECT_EQ(read_exact_text(server, 4), "ping");
        server.write_all(bytes("pong"));
        EXPECT_EQ(read_text(server, 1), "");
        server.close();
        client.join();
    });
}

TEST_P(UnixStream, TellsItsPaths) {
    run([] {
        const folder here;
        auto listener = unix_listener::listen(here.at("socket"));
        EXPECT_EQ(listener.local_path(), here.at("socket"));
        auto client = unix_stream::connect(here.at("socket"));
        auto server = listener.accept();
        EXPECT_EQ(client.remote_path(), here.at("socket"));
        EXPECT_EQ(client.local_path(), "");
        EXPECT_EQ(server.local_path(), here.at("socket"));
        EXPECT_EQ(server.remote_path(), "");
    });
}

TEST_P(UnixStream, NameOutsideTheFileSystem) {
    run([] {
        const std::string name = "@weft-test-" + std::to_string(::getpid()) + "-" +
            std::to_string(reinterpret_cast<std::uintptr_t>(&name));
        auto listener = unix_listener::listen(name);
        auto client = unix_stream::connect(name);
        EXPECT_EQ(client.remote_path(), name);
        EXPECT_FALSE(std::filesystem::exists(name));
        listener.accept();
    });
}

TEST_P(UnixStream, PathsThatCannotBeAreRefused) {
    run([] {
        EXPECT_EQ(failure_of([] { unix_stream::connect(""); }), std::errc::invalid_argument);
        EXPECT_EQ(failure_of([] { unix_stream::connect(std::string_view("a\0b", 3)); }),
            std::errc::invalid_argument);
        EXPECT_EQ(
            failure_of([] { unix_listener::listen(std::string(200, 'x')); }), std::errc::filename_too_long);
        EXPECT_EQ(failure_of([] { unix_stream::connect("/nowhere/at/all"); }),
            std::errc::no_such_file_or_directory);
        try {
            unix_stream::connect("/nowhere/at/all");
        } catch (const io_error& error) {
            EXPECT_NE(std::string(error.what()).find("connect to '/nowhere/at/all'"), std::string::npos);
        }
    });
}

TEST_P(UnixStream, ConnectWaitsForRoomInTheBacklog) {
    run([] {
        const folder here;
        auto listener = unix_listener::listen(here.at("socket"), {.backlog = 1});
        std::vector<fiber<bool>> clients;
        for (int i = 0; i < 8; ++i)
            clients.push_back(go([&] { return unix_stream::connect(here.at("socket")).is_open(); }));
        for (int i = 0; i < 8; ++i) listener.accept();
        for (auto& each : clients) EXPECT_TRUE(each.join());
    });
}

TEST_P(UnixStream, WriteToAPeerThatIsGoneIsAnError) {
    run([] {
        auto [near, far] = unix_stream::pair();
        far.close();
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.send_fd(0); }), std::errc::broken_pipe);
    });
}

TEST_P(UnixStream, DescriptorsArePassed) {
    run([] {
        auto [near, far] = unix_stream::pair();
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        whereabouts where;
        auto receiver = go([&, &stream = far] {
            where.here();
            return stream.recv_fd();
        });
        where.await_parked(test::readable);
        near.send_fd(ends[1]);
        const int received = receiver.join();
        EXPECT_NE(received, ends[1]);
        EXPECT_NE(::fcntl(received, F_GETFD) & FD_CLOEXEC, 0);
        ::close(ends[1]);
        {
            descriptor in(received);
            descriptor out(ends[0]);
            in.write_all(bytes("through it"));
            EXPECT_EQ(read_exact_text(out, 10), "through it");
        }
    });
}

TEST_P(UnixStream, BytesAndDescriptorsKeepTheirOrder) {
    run([] {
        auto [near, far] = unix_stream::pair();
        for (int i = 0; i < 10; ++i) {
            near.write_all(bytes("before"));
            near.send_fd(0);
            near.write_all(bytes("after"));
            EXPECT_EQ(read_exact_text(far, 6), "before");
            const int received = far.recv_fd();
            EXPECT_GE(received, 0);
            ::close(received);
            EXPECT_EQ(read_exact_text(far, 5), "after");
        }
    });
}

TEST_P(UnixStream, ByteWithoutADescriptorIsABadMessage) {
    run([] {
        auto [near, far] = unix_stream::pair();
        near.write_all(bytes("xy"));
        EXPECT_EQ(failure_of([&, &stream = far] { stream.recv_fd(); }), std::errc::bad_message);
        EXPECT_EQ(read_exact_text(far, 1), "y");
        near.close();
        std::error_code ec;
        EXPECT_EQ(far.recv_fd(ec), -1);
        EXPECT_EQ(ec, errc::eof);
    });
}

// The fixture counts the descriptors.
TEST_P(UnixStream, DescriptorsReadAsBytesAreDropped) {
    run([] {
        auto [near, far] = unix_stream::pair();
        near.send_fd(0);
        EXPECT_EQ(read_text(far, 10).size(), 1U);
    });
}

TEST_P(UnixStream, OfSeveralDescriptorsInOneMessageOneIsKept) {
    run([] {
        auto [near, far] = unix_stream::pair();
        char byte = 0;
        iovec part{.iov_base = &byte, .iov_len = 1};
        const std::array<int, 4> many{0, 1, 2, 0};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof many)]{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof many);
        std::memcpy(CMSG_DATA(rights), many.data(), sizeof many);
        ASSERT_EQ(::sendmsg(near.native_handle(), &message, 0), 1);
        ::close(far.recv_fd());
    });
}

TEST_P(UnixStream, PeerIsThisProcess) {
    run([] {
        const folder here;
        auto listener = unix_listener::listen(here.at("socket"));
        auto client = unix_stream::connect(here.at("socket"));
        const peer_identity peer = listener.accept().peer_credentials();
        EXPECT_EQ(peer.process, ::getpid());
        EXPECT_EQ(peer.user, ::getuid());
        EXPECT_EQ(peer.group, ::getgid());
    });
}

using UnixListener = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, UnixListener, test::all_worker_counts(), test::workers_name);

TEST_P(UnixListener, RemovesItsPathAtItsEnd) {
    run([] {
        const folder here;
        {
            auto listener = unix_listener::listen(here.at("socket"));
            EXPECT_TRUE(std::filesystem::exists(here.at("socket")));
            listener.close();
            EXPECT_FALSE(std::filesystem::exists(here.at("socket")));
            EXPECT_EQ(failure_of([&] { listener.close(); }), std::errc::bad_file_descriptor);
        }
        {
            auto moved = unix_listener::listen(here.at("socket"));
            const auto listener = std::move(moved);
            moved = unix_listener();
            EXPECT_TRUE(std::filesystem::exists(here.at("socket")));
        }
        EXPECT_FALSE(std::filesystem::exists(here.at("socket")));
    });
}

TEST_P(UnixListener, LeavesAPathAloneThatIsNotItsOwn) {
    run([] {
        const folder here;
        const std::string path = here.at("socket");
        auto first = unix_listener::listen(path);
        EXPECT_EQ(failure_of([&] { unix_listener::listen(path); }), std::errc::address_in_use);
        EXPECT_TRUE(unix_stream::connect(path).is_open());
        std::filesystem::rename(path, path + ".old");
        auto second = unix_listener::listen(path);
        first.close();
        EXPECT_TRUE(std::filesystem::exists(path));
        EXPECT_TRUE(unix_stream::connect(path).is_open());
    });
}

TEST_P(UnixListener, PermissionsHoldFromTheBeginning) {
    run([] {
        const folder here;
        auto listener = unix_listener::listen(here.at("socket"), {.permissions = 0600});
        struct stat found{};
        ASSERT_EQ(::stat(here.at("socket").c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 0777, 0600U);
    });
}

TEST_P(UnixListener, CloseWakesAccept) {
    run([] {
        const folder here;
        auto listener = unix_listener::listen(here.at("socket"));
        whereabouts where;
        auto waiting = go([&] {
            where.here();
            return failure_of([&] { listener.accept(); });
        });
        where.await_parked(test::readable);
        listener.close();
        EXPECT_EQ(waiting.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&] { listener.accept(); }), std::errc::bad_file_descriptor);
    });
}

TEST_P(UnixListener, IsACaseOfASelect) {
    run([] {
        const folder here;
        auto listener = unix_listener::listen(here.at("socket"));
        auto client = go([&] {
            auto stream = unix_stream::connect(here.at("socket"));
            return read_exact_text(stream, 5);
        });
        select(on_accept(listener, [](unix_stream stream) { stream.write_all(bytes("hello")); }),
            on_timeout(24h, [] { FAIL(); }));
        EXPECT_EQ(client.join(), "hello");
    });
}

} // namespace
} // namespace weft::net
