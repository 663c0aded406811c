// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

class claimed_list;

namespace net {

class signal_hub;
namespace detail {
class signal_source;
} // namespace detail

struct signal_set_options {
    std::size_t capacity =
        64; // of each signal's queue, at least 1; one that finds it full is dropped and counted
};

// Signals as something to wait for: what is sent to this process, or to any thread of it, from the construction of the set to its
// end, instead of what the signal did before.
//
//     net::signal_set stop{SIGINT, SIGTERM};
//     const int number = stop.wait();
//
// Each of several sets gets each signal. The last set of a signal to go gives it back the action that it had before the first
// one, unless somebody has set another one meanwhile. The sender never waits. Of a standard signal the kernel keeps one at a
// time for each thread and one for the process, so what is sent faster than it is handled may come once; real-time signals
// (from SIGRTMIN) are kept apart, and none is lost but those that dropped() counts. There is no order between signals of
// different numbers. A signal that all threads block does not come.
//
// SIGQUIT: while there is a set of it, no dump is printed (options::dump_on_sigquit).
//
// Thread-safe but for its destruction, which must come when nobody waits. Fibers of any runtime and plain threads may wait; those
// who wait for the same set are served first come, first served. What an action restarts goes on after a signal (SA_RESTART).
class [[gnu::visibility("default")]] signal_set {
public:
    // Never blocks. Throws std::invalid_argument, which names the number, for what is no signal, cannot be caught (SIGKILL,
    // SIGSTOP), tells of a fault of the program itself (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS), or is weft's own
    // (SIGURG, by which stacks of other threads are captured), and for an empty list or a capacity of 0; std::system_error if
    // there is no descriptor to be had.
    signal_set(std::initializer_list<int> signals, const signal_set_options& options = {})
        : signal_set(std::span(signals.begin(), signals.size()), options) {}
    explicit signal_set(std::span<const int> signals, const signal_set_options& options = {});
    ~signal_set();
    signal_set(const signal_set&) = delete;
    signal_set& operator=(const signal_set&) = delete;

    // Waits for the next signal, and gives its number. Blocks the calling fiber or thread. A cancellation point: then it has
    // taken none. A plain thread that has to wait starts the default runtime, which listens for it. std::system_error: the
    // system would not let the runtime listen.
    int wait();
    // The same until the deadline: nothing. A signal that is there is taken even if the deadline has passed.
    template <class Rep, class Period>
    std::optional<int> wait_for(std::chrono::duration<Rep, Period> duration) {
        return wait_before(deadline_after(duration));
    }
    template <class Duration>
    std::optional<int> wait_until(std::chrono::time_point<clock, Duration> deadline) {
        return wait_before(clock::time_point(to_clock_duration(deadline.time_since_epoch())));
    }
    template <class Clock, class Duration>
    std::optional<int> wait_until(std::chrono::time_point<Clock, Duration> deadline) {
        return wait_for(deadline - Clock::now());
    }

    // A signal that has come and that nobody waits for; nothing: there is none. Never blocks. A signal that the calling thread
    // sent to itself is there at once.
    std::optional<int> try_wait() noexcept;

    // How many signals, since its construction, came when capacity others of their number had not been taken. Never blocks.
    std::uint64_t dropped() const noexcept;

private:
    friend class signal_hub;
    friend class detail::signal_source;

    struct queue {
        int number;
        mutable std::uint64_t taken = 0; // of the count of all that came, dropped ones included
    };
    struct entry : wait_node {
        using wait_node::wait_node;
        int number = 0;
    };

    std::optional<int> wait_before(clock::time_point deadline);
    void drop_excess(const queue& of, std::uint64_t came) const noexcept;
    bool any_there() const noexcept;
    int take_one() noexcept;
    int take() noexcept;
    void serve(claimed_list& served) noexcept;

    const std::size_t capacity_;
    // Guarded by the hub's lock, as are the links of its list of sets.
    std::vector<queue> queues_;
    std::size_t first_ = 0; // whose turn it is
    mutable std::uint64_t dropped_ = 0;
    wait_queue waiting_;
    signal_set* next_ = nullptr;
    signal_set* previous_ = nullptr;
};

namespace detail {

// The next signal of a set, waited for.
class [[gnu::visibility("default")]] signal_source : public source {
public:
    bool may_be_ready() const noexcept override { return true; }
    bool take() override;
    void enqueue() noexcept override;
    void withdraw() noexcept override;
    bool external() const noexcept override { return true; }

protected:
    explicit signal_source(signal_set& of);
    ~signal_source() = default;
    int number() const noexcept { return node_.number; }

private:
    signal_set& of_;
    signal_set::entry node_;
};

template <class Handler>
class signal_case final : public signal_source {
public:
    using result = std::invoke_result_t<Handler&, int>;

    signal_case(signal_set& of, Handler handler) : signal_source(of), handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_, number()); }

private:
    Handler handler_;
};

} // namespace detail
} // namespace net

// A case of a select. handler(int): this signal came, and was taken from the set. Queues with those that call wait, and may throw
// what wait throws when it cannot listen.
template <class Handler>
auto on_signal(net::signal_set& of, Handler handler) {
    return net::detail::signal_case<Handler>(of, std::move(handler));
}

} // namespace weft
