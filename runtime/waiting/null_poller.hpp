// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "waiting/futex.hpp"

#include <weft/waiting/poller.hpp>

#include <atomic>
#include <cstdint>

namespace weft {

// The poller of a runtime that has no descriptor yet: nothing to report, but a place to wait for the nearest timer.
class null_poller final : public poller {
public:
    int add(int, poll_target&, std::uint32_t) noexcept override { return -ENOSYS; }
    void remove(int) noexcept override {}
    void wait(clock::time_point deadline, ready_list&) noexcept override {
        while (interrupted_.load(std::memory_order_acquire) == 0)
            if (!futex_wait_until(interrupted_, 0, deadline)) return;
        interrupted_.store(0, std::memory_order_relaxed);
    }
    void interrupt() noexcept override {
        interrupted_.store(1, std::memory_order_release);
        futex_wake_one(interrupted_);
    }
    std::size_t size() const noexcept override { return 0; }

private:
    std::atomic<std::uint32_t> interrupted_{0};
};

} // namespace weft
