// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/deadline.hpp>
#include <weft/waiting/source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <type_traits>
#include <utility>

namespace weft {

class claimed_list;

namespace detail {
class acquire_source;
} // namespace detail

// A number of permits, taken by acquire and given by release, by any fiber or thread. To be destroyed while nobody waits for it.
//
// Fairness: first come, first served, whatever number each waits for: a big waiter at the front keeps small ones waiting behind
// it, and try_acquire takes nothing while anybody waits. Happens before: a release, and every acquire that takes its permits.
class [[gnu::visibility("default")]] counting_semaphore {
public:
    explicit counting_semaphore(std::size_t initial) noexcept : available_(initial), rank_(new_lock_rank()) {}
    counting_semaphore(const counting_semaphore&) = delete;
    counting_semaphore& operator=(const counting_semaphore&) = delete;

    static constexpr std::size_t max() noexcept { return std::numeric_limits<std::size_t>::max(); }

    // Waits until there are n permits, and takes them. Blocks the calling fiber or thread. A cancellation point: then it has
    // taken none.
    void acquire(std::size_t n = 1) { acquire_before(n, clock::time_point::max()); }
    // As acquire, but gives up at the deadline: false, and it has taken none. Permits that are there are taken even if the deadline
    // has passed.
    template <class Rep, class Period>
    bool try_acquire_for(const std::chrono::duration<Rep, Period>& duration, std::size_t n = 1) {
        return acquire_before(n, deadline_after(duration));
    }
    template <class Clock, class Duration>
    bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& deadline, std::size_t n = 1) {
        return acquire_before(n, detail::deadline_at(deadline));
    }

    // Takes n permits if they are there and nobody waits. Never blocks.
    bool try_acquire(std::size_t n = 1) noexcept;

    // Gives n permits, and wakes those who can be served. Never blocks. Throws std::logic_error, which names the numbers, if there
    // would be more than max(); then it has given none.
    void release(std::size_t n = 1);

private:
    friend class detail::acquire_source;
    struct entry : wait_node {
        using wait_node::wait_node;
        std::size_t wanted = 1;
    };

    bool acquire_before(std::size_t n, clock::time_point deadline);
    bool take(std::size_t n) noexcept;
    void serve(claimed_list& served) noexcept;

    spin_lock lock_;
    std::size_t available_;
    wait_queue queue_;
    const std::uint64_t rank_;
};

// Holds permits and gives them back when it is destroyed. Move-only; used by one fiber or thread at a time.
class permit {
public:
    permit() noexcept = default; // holds none
    // As acquire.
    explicit permit(counting_semaphore& of, std::size_t n = 1) : of_(&of), count_(n) { of.acquire(n); }
    // Holds n permits that were acquired before.
    permit(counting_semaphore& of, std::adopt_lock_t, std::size_t n = 1) noexcept : of_(&of), count_(n) {}
    permit(permit&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)),
          count_(std::exchange(other.count_, 0)) {}
    permit& operator=(permit&& other) noexcept {
        permit(std::move(other)).swap(*this);
        return *this;
    }
    ~permit() { release(); }

    // Gives them back now; without effect if it holds none.
    void release() {
        if (counting_semaphore* of = std::exchange(of_, nullptr)) of->release(std::exchange(count_, 0));
    }
    // How many it holds.
    std::size_t count() const noexcept { return count_; }
    explicit operator bool() const noexcept { return of_ != nullptr; }
    void swap(permit& other) noexcept {
        std::swap(of_, other.of_);
        std::swap(count_, other.count_);
    }

private:
    counting_semaphore* of_ = nullptr;
    std::size_t count_ = 0;
};

namespace detail {

// n permits, waited for.
class [[gnu::visibility("default")]] acquire_source : public source {
public:
    acquire_source(counting_semaphore& of, std::size_t n) noexcept;

    bool may_be_ready() const noexcept override { return true; }
    bool take() override;
    void enqueue() noexcept override;
    void withdraw() noexcept override;

protected:
    ~acquire_source() = default;
    permit acquired() noexcept { return {of_, std::adopt_lock, node_.wanted}; }

private:
    counting_semaphore& of_;
    counting_semaphore::entry node_;
};

template <class Handler>
class acquire_case final : public acquire_source {
public:
    using result = std::invoke_result_t<Handler&, permit>;

    acquire_case(counting_semaphore& of, std::size_t n, Handler handler)
        : acquire_source(of, n),
          handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_, acquired()); }

private:
    Handler handler_;
};

} // namespace detail

// A case of a select. handler(permit): n permits were acquired, and the handler has them. Queues with those that call acquire.
template <class Handler>
auto on_acquire(counting_semaphore& of, std::size_t n, Handler handler) {
    return detail::acquire_case<Handler>(of, n, std::move(handler));
}
template <class Handler>
auto on_acquire(counting_semaphore& of, Handler handler) {
    return on_acquire(of, 1, std::move(handler));
}

} // namespace weft
