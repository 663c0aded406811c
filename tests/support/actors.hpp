// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/fibers_test.hpp"

#include <weft/weft.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

// The same test by fibers, on so many workers, and by plain threads.
namespace weft::test {

struct setting {
    unsigned workers = 1; // 0: plain threads
    bool threads() const noexcept { return workers == 0; }
};

inline std::string setting_name(const setting& where) {
    return where.threads() ? "threads" : std::to_string(where.workers) + "_workers";
}

// Runs the body as a fiber or on this thread.
template <class Body>
void run_in(const setting& where, Body body) {
    if (where.threads())
        body();
    else
        weft::run(std::move(body), {.workers = where.workers});
}

// Fibers, or threads if it is made by one. Joined at the end.
class actors {
public:
    actors() = default;
    actors(const actors&) = delete;
    actors& operator=(const actors&) = delete;
    ~actors() { join(); }

    template <class Body>
    void start(Body body) {
        if (this_fiber::in_fiber())
            fibers_.push_back(go(std::move(body)));
        else
            threads_.emplace_back(std::move(body));
    }
    void join() {
        for (auto& each : std::exchange(fibers_, {})) each.join();
        for (auto& each : std::exchange(threads_, {})) each.join();
    }

private:
    std::vector<fiber<void>> fibers_;
    std::vector<std::thread> threads_;
};

template <class Condition>
void until(Condition holds) {
    while (!holds()) yield();
}

template <class Channel>
std::size_t receivers_waiting(const Channel& of) {
    return detail::channel_handle_access::state(of)->receivers_waiting();
}
template <class Channel>
std::size_t senders_waiting(const Channel& of) {
    return detail::channel_handle_access::state(of)->senders_waiting();
}

// How many times more than usual a stress runs: WEFT_STRESS.
inline int stress_factor() {
    const char* set = std::getenv("WEFT_STRESS");
    return set == nullptr ? 1 : std::max(1, std::atoi(set));
}

inline constexpr setting all_settings[] = {{1}, {2}, {4}, {16}, {0}};

// The kinds of a channel: a capacity, or one of these.
inline constexpr std::size_t nil = static_cast<std::size_t>(-2);
inline constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

template <class T>
channel<T> make_channel(std::size_t capacity) {
    return capacity == nil     ? channel<T>()
        : capacity == no_limit ? channel<T>(unbounded)
                               : channel<T>(capacity);
}
inline std::string capacity_name(std::size_t capacity) {
    return capacity == nil     ? "nil"
        : capacity == no_limit ? "unbounded"
                               : "capacity_" + std::to_string(capacity);
}

class leaves_no_fiber : public ::testing::Test {
protected:
    // Detached fibers of the default runtime may still be about to end.
    void TearDown() override {
        const auto give_up = clock::now() + std::chrono::seconds(10);
        while (used_control_blocks() != 0 && clock::now() < give_up) std::this_thread::yield();
        EXPECT_EQ(living_fibers(), 0U);
        EXPECT_EQ(used_control_blocks(), 0U);
    }
};

// Each test in each setting.
class in_each_setting : public leaves_no_fiber, public ::testing::WithParamInterface<setting> {
protected:
    template <class Body>
    void run(Body body) {
        run_in(GetParam(), std::move(body));
    }
};

// Each test in each setting with each kind of channel.
class with_each_channel : public leaves_no_fiber,
                          public ::testing::WithParamInterface<std::tuple<setting, std::size_t>> {
protected:
    template <class Body>
    void run(Body body) {
        run_in(std::get<0>(GetParam()), std::move(body));
    }
    std::size_t capacity() const { return std::get<1>(GetParam()); }
    template <class T>
    channel<T> make() const {
        return make_channel<T>(capacity());
    }
};

inline std::string name_of_setting(const ::testing::TestParamInfo<setting>& info) {
    return setting_name(info.param);
}
inline std::string name_of_channel(const ::testing::TestParamInfo<std::tuple<setting, std::size_t>>& info) {
    return setting_name(std::get<0>(info.param)) + "_" + capacity_name(std::get<1>(info.param));
}

} // namespace weft::test
