// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "poller/system_poller.hpp"
#include "support/fibers_test.hpp"

#include <weft/net.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace weft::test {

// A line for each: its number and what it is.
inline std::vector<std::string> descriptors_and_what_they_are() {
    std::vector<std::string> result;
    std::error_code gone; // the one of the walk itself
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
        result.push_back(each.path().filename().string() + " " +
            std::filesystem::read_symlink(each.path(), gone).string());
    return result;
}
inline std::size_t open_descriptors() { return descriptors_and_what_they_are().size(); }

// The tests' fixture for whatever uses sockets: no descriptor may be left either.
class network : public fibers {
protected:
    void SetUp() override {
        if (net::poller_closes_late) static const auto keeps_its_own_open = net::make_system_poller();
        descriptors_before_ = open_descriptors();
    }
    void TearDown() override {
        fibers::TearDown();
        std::vector<std::string> after = descriptors_and_what_they_are();
        if (net::poller_closes_late) {
            for (int i = 0; i < 5000 && after.size() > descriptors_before_; ++i) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                after = descriptors_and_what_they_are();
            }
            // Those of a runtime before this test's may have gone meanwhile, too.
            EXPECT_LE(after.size(), descriptors_before_) << ::testing::PrintToString(after);
        } else {
            EXPECT_EQ(after.size(), descriptors_before_) << ::testing::PrintToString(after);
        }
    }

private:
    std::size_t descriptors_before_ = 0;
};

// An event that fibers and threads wait for.
class gate {
public:
    void open() {
        const std::scoped_lock guard(lock_);
        is_open_ = true;
        while (waiter* who = waiting_.claim_front()) who->wake();
    }
    void wait() {
        std::unique_lock guard(lock_);
        if (is_open_) return;
        waiter& me = this_waiter();
        wait_node node(me, me.arm(reason));
        waiting_.push(node);
        guard.unlock();
        if (park() == node.which) return;
        guard.lock();
        waiting_.withdraw(node);
    }

private:
    static constexpr wait_reason reason{"the test's gate", true};
    spin_lock lock_;
    wait_queue waiting_;
    bool is_open_ = false;
};

// Tells when somebody else, who has called here(), is parked in a wait for a certain thing.
class whereabouts {
public:
    void here() { who_.store(&this_waiter(), std::memory_order_release); }
    void await_parked(std::string_view reason) const {
        for (;; give_way()) {
            const waiter* who = who_.load(std::memory_order_acquire);
            if (who == nullptr) continue;
            const std::uint64_t word = who->word();
            if ((word & (waiter::armed | waiter::claimed)) == waiter::armed && who->reason()->name == reason)
                return;
        }
    }

private:
    static void give_way() {
        yield();
        std::this_thread::yield();
    }
    std::atomic<const waiter*> who_{nullptr};
};

inline constexpr std::string_view readable = "a descriptor to become readable";
inline constexpr std::string_view writable = "a descriptor to become writable";
inline constexpr std::string_view turn_to_read = "its turn to read from a descriptor";
inline constexpr std::string_view turn_to_write = "its turn to write to a descriptor";

inline constexpr std::string_view pipe_readable = "somebody to write to a pipe";
inline constexpr std::string_view pipe_writable = "somebody to read from a pipe";
inline constexpr std::string_view turn_to_read_pipe = "its turn to read from a pipe";
inline constexpr std::string_view turn_to_write_pipe = "its turn to write to a pipe";

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

template <net::readable_stream S>
std::string read_text(S& from, std::size_t size) {
    std::string text(size, '\0');
    text.resize(from.read_some(std::as_writable_bytes(std::span(text))));
    return text;
}
template <net::readable_stream S>
std::string read_exact_text(S& from, std::size_t size) {
    std::string text(size, '\0');
    from.read_exactly(std::as_writable_bytes(std::span(text)));
    return text;
}

// Two ends of one connection over loopback.
inline std::pair<net::tcp_stream, net::tcp_stream> connection() {
    auto listener = net::tcp_listener::listen("127.0.0.1:0");
    auto client = net::tcp_stream::connect(listener.local_endpoint());
    auto server = listener.accept();
    return {std::move(client), std::move(server)};
}

// The error that f throws.
template <class F>
std::error_code failure_of(F&& f) {
    try {
        f();
    } catch (const net::io_error& error) {
        return error.code();
    }
    return {};
}

} // namespace weft::test
