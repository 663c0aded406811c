// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"

#include <weft/net/buffered.hpp>
#include <weft/net/process.hpp>
#include <weft/net/udp.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::read_exact_text;
using test::running;

// Other people's programs at the other end. What comes back is compared byte by byte; the end of what is sent is told by a half
// close, after which the answer is still to come.
std::string binary(std::size_t size) {
    std::string result(size, '\0');
    unsigned state = 3;
    for (char& each : result) each = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return result;
}
const std::string question = binary(1'000'000);
const std::string other = binary(300'000).substr(7);

template <class Stream>
std::string read_to_end(Stream& from) {
    std::string all;
    for (std::string part; !(part = test::read_text(from, 1 << 16)).empty();) all += part;
    return all;
}

// Nothing is answered before the end of the question has come.
const auto answer_after_the_end = [](auto peer) {
    const std::string text = read_to_end(peer);
    peer.write_all(bytes(text));
    peer.write_all(bytes(other));
};

class RealPeers : public test::network {
protected:
    void TearDown() override {
        std::filesystem::remove(path_);
        test::network::TearDown();
    }
    // One that the system gives to nobody of itself.
    static std::string free_port() {
        static std::atomic<unsigned> next{static_cast<unsigned>(::getpid()) * 37};
        for (;;) {
            std::string port = std::to_string(10'000 + next++ % 20'000);
            std::error_code tcp;
            std::error_code udp;
            static_cast<void>(tcp_listener::listen("127.0.0.1:" + port, tcp));
            static_cast<void>(udp_socket::bind("127.0.0.1:" + port, udp));
            if (!tcp && !udp) return port;
        }
    }
    const std::string& path() const { return path_; }

private:
    const std::string path_ =
        (std::filesystem::temp_directory_path() / ("weft-peer-" + std::to_string(::getpid()))).string();
};
INSTANTIATE_TEST_SUITE_P(Workers, RealPeers, test::all_worker_counts(), test::workers_name);

bool is_there(std::string_view program) {
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');)
        if (::access((folder + "/" + std::string(program)).c_str(), X_OK) == 0) return true;
    return false;
}

#define NEEDS(program)                                                                                       \
    if (!is_there(program)) GTEST_SKIP() << "there is no " program " here"

process start(const std::vector<std::string>& command) {
    return process::spawn(command, {.stdin_ = stdio::pipe, .stdout_ = stdio::pipe});
}
void expect_success(process& of) { EXPECT_EQ(of.wait().to_string(), "exit code 0"); }

// --- the program is the client

void ask_by(process client) {
    auto asking = go([&] {
        client.stdin_pipe().write_all(bytes(question));
        client.stdin_pipe().close();
    });
    const std::string answer = read_to_end(client.stdout_pipe());
    asking.join();
    EXPECT_TRUE(answer == question + other) << answer.size() << " bytes came back";
    expect_success(client);
}

template <class Over>
void ask(Over over, const std::vector<std::string>& command) {
    running srv({}, answer_after_the_end, std::move(over));
    ask_by(start(command));
    srv->shutdown();
    srv.join();
    EXPECT_EQ(srv->statistics().failed, 0U);
}

TEST_P(RealPeers, NcAsksOverTcp) {
    NEEDS("nc.openbsd");
    run([] {
        test::over_tcp over;
        const std::string port = std::to_string(over.address.port());
        ask(std::move(over), {"nc.openbsd", "-N", "127.0.0.1", port});
    });
}

TEST_P(RealPeers, SocatAsksOverTcp) {
    NEEDS("socat");
    run([] {
        test::over_tcp over;
        const std::string address = over.address.to_string();
        ask(std::move(over), {"socat", "-t", "60", "-", "TCP:" + address});
    });
}

struct over_path {
    using stream = unix_stream;
    stream connect() const { return stream::connect(listener.local_path()); }
    unix_listener listener;
};

TEST_P(RealPeers, NcAsksOverUnix) {
    NEEDS("nc.openbsd");
    run([&] { ask(over_path{unix_listener::listen(path())}, {"nc.openbsd", "-N", "-U", path()}); });
}

TEST_P(RealPeers, SocatAsksOverUnix) {
    NEEDS("socat");
    run([&] {
        ask(over_path{unix_listener::listen(path())}, {"socat", "-t", "60", "-", "UNIX-CONNECT:" + path()});
        test::over_unix outside_of_files;
        const std::string name = outside_of_files.path.substr(1);
        ask(std::move(outside_of_files), {"socat", "-t", "60", "-", "ABSTRACT-CONNECT:" + name});
    });
}

// --- the program is the server

// Until it listens.
template <class Connect>
auto connect_patiently(Connect connect) {
    std::error_code ec;
    for (int i = 0; i < 5000; ++i) {
        auto stream = connect(ec);
        if (!ec) return stream;
        sleep(2ms);
    }
    throw io_error(ec, "connect to a program");
}
tcp_stream connect_to(const std::string& port) {
    return connect_patiently(
        [&](std::error_code& ec) { return tcp_stream::connect("127.0.0.1:" + port, ec); });
}
unix_stream connect_to_path(const std::string& path) {
    return connect_patiently([&](std::error_code& ec) { return unix_stream::connect(path, ec); });
}

// What is sent comes out of the program, and what the program is given arrives here. One side ends its half first; the other one is still
// heard.
template <class Stream>
void question_ends_first(process& server, Stream stream) {
    auto asking = go([&] {
        stream.write_all(bytes(question));
        stream.shutdown(direction::send);
    });
    EXPECT_TRUE(read_exact_text(server.stdout_pipe(), question.size()) == question);
    asking.join();
    auto answering = go([&] {
        server.stdin_pipe().write_all(bytes(other));
        server.stdin_pipe().close();
    });
    EXPECT_TRUE(read_to_end(stream) == other);
    answering.join();
    EXPECT_EQ(read_to_end(server.stdout_pipe()), "");
    expect_success(server);
}
template <class Stream>
void answer_ends_first(process& server, Stream stream) {
    auto answering = go([&] {
        server.stdin_pipe().write_all(bytes(other));
        server.stdin_pipe().close();
    });
    EXPECT_TRUE(read_to_end(stream) == other);
    answering.join();
    auto asking = go([&] {
        stream.write_all(bytes(question));
        stream.shutdown(direction::send);
    });
    EXPECT_TRUE(read_to_end(server.stdout_pipe()) == question);
    asking.join();
    expect_success(server);
}

// nc goes when the question has ended, so the answer is first.
TEST_P(RealPeers, NcAnswersOverTcp) {
    NEEDS("nc.openbsd");
    run([] {
        const std::string port = free_port();
        process server = start({"nc.openbsd", "-l", "-N", "127.0.0.1", port});
        answer_ends_first(server, connect_to(port));
    });
}

TEST_P(RealPeers, SocatAnswersOverTcp) {
    NEEDS("socat");
    run([] {
        const std::string port = free_port();
        const std::vector<std::string> command{
            "socat", "-t", "60", "TCP-LISTEN:" + port + ",bind=127.0.0.1,reuseaddr", "-"};
        process first = start(command);
        question_ends_first(first, connect_to(port));
        process second = start(command);
        answer_ends_first(second, connect_to(port));
    });
}

TEST_P(RealPeers, NcAnswersOverUnix) {
    NEEDS("nc.openbsd");
    run([&] {
        process server = start({"nc.openbsd", "-l", "-N", "-U", path()});
        answer_ends_first(server, connect_to_path(path()));
    });
}

TEST_P(RealPeers, SocatAnswersOverUnix) {
    NEEDS("socat");
    run([&] {
        process server = start({"socat", "-t", "60", "UNIX-LISTEN:" + path(), "-"});
        question_ends_first(server, connect_to_path(path()));
    });
}

// An end to end echo through another program: all that is sent comes back while it is sent.
TEST_P(RealPeers, CatBehindSocatEchoes) {
    NEEDS("socat");
    run([] {
        const std::string port = free_port();
        process server =
            start({"socat", "-t", "60", "TCP-LISTEN:" + port + ",bind=127.0.0.1,reuseaddr", "EXEC:cat"});
        auto stream = connect_to(port);
        auto asking = go([&] {
            stream.write_all(bytes(question));
            stream.shutdown(direction::send);
        });
        EXPECT_TRUE(read_to_end(stream) == question);
        asking.join();
        expect_success(server);
    });
}

// --- datagrams

// What the program is given comes as a datagram, and the answer comes out of it.
void exchange_datagrams(const std::vector<std::string>& command_before_the_port) {
    auto socket = udp_socket::bind("127.0.0.1:0");
    std::vector<std::string> command = command_before_the_port;
    command.back() += std::to_string(socket.local_endpoint().port());
    process client = start(command);
    std::array<std::byte, 2000> to;
    for (const std::string& text :
        {std::string("first\n"), std::string(1000, 'y') + "\n", std::string("last\n")}) {
        client.stdin_pipe().write_all(bytes(text));
        const datagram got = socket.recv_from(to);
        EXPECT_EQ(got.size, text.size());
        socket.send_to(std::span(to).first(got.size), got.from);
        EXPECT_EQ(read_exact_text(client.stdout_pipe(), text.size()), text);
    }
}

TEST_P(RealPeers, NcSendsDatagrams) {
    NEEDS("nc.openbsd");
    run([] { exchange_datagrams({"nc.openbsd", "-u", "127.0.0.1", ""}); });
}

TEST_P(RealPeers, SocatSendsDatagrams) {
    NEEDS("socat");
    run([] { exchange_datagrams({"socat", "-", "UDP:127.0.0.1:"}); });
}

// Until it listens, the system says that nobody does.
void await_receiver(udp_socket& to, process& server) {
    std::atomic<bool> heard{false};
    auto listening = go([&] {
        EXPECT_EQ(read_exact_text(server.stdout_pipe(), 1), "?");
        heard = true;
    });
    std::error_code refused;
    for (int i = 0; i < 5000 && !heard; ++i) {
        to.send(bytes("?"), refused);
        sleep(2ms);
    }
    listening.join();
}

void receive_datagrams(const std::string& port, process server) {
    auto socket = udp_socket::connect("127.0.0.1:" + port);
    await_receiver(socket, server);
    const std::string text(1000, 'z');
    socket.send(bytes(text));
    std::string received;
    while (received.find('z') == std::string::npos) received += test::read_text(server.stdout_pipe(), 2000);
    EXPECT_EQ(received.substr(received.find('z')), text);
    server.stdin_pipe().write_all(bytes("an answer\n"));
    std::array<std::byte, 100> to;
    std::error_code ec;
    std::size_t size = 0;
    do {
        size = socket.recv(to, ec); // connection_refused: of those before it listened
    } while (ec == std::errc::connection_refused);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(to.data()), size), "an answer\n");
}

TEST_P(RealPeers, NcReceivesDatagrams) {
    NEEDS("nc.openbsd");
    run([] {
        const std::string port = free_port();
        receive_datagrams(port, start({"nc.openbsd", "-u", "-l", "127.0.0.1", port}));
    });
}

TEST_P(RealPeers, SocatReceivesDatagrams) {
    NEEDS("socat");
    run([] {
        const std::string port = free_port();
        receive_datagrams(port, start({"socat", "UDP-LISTEN:" + port + ",bind=127.0.0.1", "-"}));
    });
}

// --- curl

// As much of HTTP as it takes: sends back the body of a POST, or `other` for a GET.
void answer_http(tcp_stream peer) {
    buffered_reader in(peer, 10'000);
    while (const auto request = in.read_line()) {
        std::size_t length = 0;
        for (std::optional<std::string> line; (line = in.read_line()) && !line->empty();)
            if (line->starts_with("Content-Length: ")) length = std::strtoul(line->c_str() + 16, nullptr, 10);
        std::string body(length, '\0');
        in.read_exactly(std::as_writable_bytes(std::span(body)));
        if (request->starts_with("GET ")) body = other;
        const std::string head =
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
        const std::array<std::span<const std::byte>, 2> reply{bytes(head), bytes(body)};
        peer.write_all(reply);
    }
}

TEST_P(RealPeers, CurlOnOneConnection) {
    NEEDS("curl");
    run([] {
        running srv({}, answer_http);
        const std::string url = "http://" + srv.listener().local_endpoint().to_string() + "/";
        process client = start({"curl", "-sS", "--noproxy", "*", url, url, url});
        EXPECT_TRUE(read_to_end(client.stdout_pipe()) == other + other + other);
        expect_success(client);
        EXPECT_EQ(srv->statistics().accepted, 1U);
        srv->shutdown();
        srv.join();
    });
}

TEST_P(RealPeers, CurlPosts) {
    NEEDS("curl");
    run([] {
        running srv({}, answer_http);
        const std::string url = "http://" + srv.listener().local_endpoint().to_string() + "/";
        process client =
            start({"curl", "-sS", "--noproxy", "*", "-H", "Expect:", "--data-binary", "@-", url});
        auto asking = go([&] {
            client.stdin_pipe().write_all(bytes(question));
            client.stdin_pipe().close();
        });
        EXPECT_TRUE(read_to_end(client.stdout_pipe()) == question);
        asking.join();
        expect_success(client);
        srv->shutdown();
        srv.join();
        EXPECT_EQ(srv->statistics().failed, 0U);
    });
}

} // namespace
} // namespace weft::net
