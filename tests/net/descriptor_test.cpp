// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/net/descriptor.hpp>

#include <array>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::net {
namespace {

using test::bytes;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

std::pair<descriptor, descriptor> pipe_ends() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {descriptor(ends[0]), descriptor(ends[1])};
}

bool is_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

using descriptors = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, descriptors, test::all_worker_counts(), test::workers_name);

TEST_P(descriptors, PipeCarriesBytesAndItsEnd) {
    run([] {
        auto [out, in] = pipe_ends();
        whereabouts where;
        auto reader = go([&, &from = out] {
            where.here();
            return read_exact_text(from, 5);
        });
        where.await_parked(test::readable);
        in.write_all(bytes("hello"));
        EXPECT_EQ(reader.join(), "hello");
        in.write_all(bytes("last"));
        in.close();
        EXPECT_EQ(read_text(out, 100), "last");
        EXPECT_EQ(read_text(out, 100), "");
    });
}

TEST_P(descriptors, FullPipeParksTheWriter) {
    run([] {
        auto [out, in] = pipe_ends();
        const std::string much(1'000'000, 'x');
        whereabouts where;
        auto writer = go([&, &to = in] {
            where.here();
            EXPECT_EQ(to.write_all(std::array{bytes(much), bytes(much)}), 2 * much.size());
            to.close();
        });
        where.await_parked(test::writable);
        EXPECT_EQ(read_exact_text(out, 2 * much.size()), much + much);
        writer.join();
    });
}

TEST_P(descriptors, EventfdWakesItsReader) {
    run([] {
        descriptor events(::eventfd(0, EFD_CLOEXEC));
        whereabouts where;
        auto reader = go([&] {
            where.here();
            std::uint64_t count = 0;
            events.read_exactly(std::as_writable_bytes(std::span(&count, 1)));
            return count;
        });
        where.await_parked(test::readable);
        const std::uint64_t three = 3;
        events.write_all(std::as_bytes(std::span(&three, 1)));
        EXPECT_EQ(reader.join(), 3U);
    });
}

TEST_P(descriptors, BorrowedOneIsGivenBackAsItWas) {
    run([] {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        {
            descriptor in = descriptor::borrow(ends[1]);
            EXPECT_FALSE(is_blocking(ends[1]));
            EXPECT_EQ(in.native_handle(), ends[1]);
            in.write_all(bytes("x"));
        }
        EXPECT_TRUE(is_blocking(ends[1]));
        char byte = 0;
        EXPECT_EQ(::read(ends[0], &byte, 1), 1);
        ::close(ends[0]);
        ::close(ends[1]);
    });
}

TEST_P(descriptors, FileThatCannotBePolledStaysWithTheCaller) {
    run([] {
        const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        EXPECT_EQ(failure_of([&] { const descriptor refused(file); }), std::errc::operation_not_permitted);
        EXPECT_TRUE(is_blocking(file));
        ::close(file);
        EXPECT_EQ(failure_of([] { const descriptor none(-1); }), std::errc::bad_file_descriptor);
    });
}

// SIGPIPE has its default action here, which would end the program.
TEST_P(descriptors, SocketMadeElsewhereRaisesNoSigpipe) {
    run([] {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        descriptor near(ends[0]);
        ::close(ends[1]);
        EXPECT_EQ(failure_of([&] { near.write_all(bytes("x")); }), std::errc::broken_pipe);
        near.shutdown(direction::both);
        auto [out, in] = pipe_ends();
        EXPECT_EQ(failure_of([&, &pipe = in] { pipe.shutdown(direction::send); }), std::errc::not_a_socket);
    });
}

} // namespace
} // namespace weft::net
