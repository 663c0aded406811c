// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/fiber.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

// How a runtime is set up. A field left at its default may also come from the environment: WEFT_WORKERS, WEFT_STACK_SIZE
// (bytes, or with the suffix K, M or G), WEFT_MAX_BLOCKING_THREADS, WEFT_SHUTDOWN_TIMEOUT (seconds), WEFT_DUMP_ON_SIGQUIT (0
// or 1). What is set explicitly wins. A value out of range: std::invalid_argument that names it.
struct options {
    unsigned workers =
        0; // 0: one a CPU that this process may use (affinity and cgroup quota counted); at most 1024
    std::size_t stack_size =
        0; // usable bytes of a fiber's stack; 0: 256 KiB; 16 KiB at least. Touched pages alone cost memory
    unsigned max_blocking_threads = 512;
    std::chrono::nanoseconds shutdown_timeout = std::chrono::seconds(10);
    // Gets an exception that left a fiber which nobody can join any more; without it the program ends, as after an exception
    // that leaves a std::thread. Called on the fiber; must not throw.
    std::function<void(const fiber_info&, std::exception_ptr)> on_unhandled{};
    bool dump_on_sigquit =
        true; // by run(), where SIGQUIT has its default action: prints debug::dump to stderr
};

// Workers, stacks, timers and the poller of a set of fibers. Thread-safe; not to be destroyed by one of its own fibers.
class [[gnu::visibility("default")]] runtime {
public:
    // Starts the workers. Throws std::invalid_argument for options out of range, std::system_error if threads can't be had;
    // then nothing is left running.
    explicit runtime(options = {});
    // Shuts down: cancels the fibers still alive and joins them. Those that do not end within options::shutdown_timeout are
    // reported on stderr, and the program aborts.
    ~runtime();
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    // Runs f as a fiber and waits for it: blocks the calling thread (or fiber of another runtime). Gives f's result or rethrows.
    template <class F, class R = std::invoke_result_t<std::decay_t<F>>>
    R run(F&& f, source_location where = source_location::current()) {
        const inside_run here(*this);
        return fiber<R>(
            detail::spawn<R>(scheduler_.get(), {.where = where, .name = "main"}, std::forward<F>(f)))
            .join();
    }

    // As weft::go, on this runtime.
    template <class F, class R = std::invoke_result_t<std::decay_t<F>>>
    fiber<R> go(F&& f, source_location where = source_location::current()) {
        return fiber<R>(detail::spawn<R>(scheduler_.get(), {.where = where}, std::forward<F>(f)));
    }
    template <class F, class R = std::invoke_result_t<std::decay_t<F>>>
    fiber<R> go(const fiber_options& options, F&& f, source_location where = source_location::current()) {
        return fiber<R>(detail::spawn<R>(scheduler_.get(),
            {.where = where, .name = options.name, .stack_size = options.stack_size}, std::forward<F>(f)));
    }

    // The runtime of the calling fiber; nullptr on a plain thread.
    static runtime* current() noexcept;

private:
    friend class scheduler;
    class [[gnu::visibility("default")]] inside_run {
    public:
        explicit inside_run(runtime& in) noexcept;
        ~inside_run();
        inside_run(const inside_run&) = delete;
        inside_run& operator=(const inside_run&) = delete;

    private:
        runtime& in_;
    };

    std::unique_ptr<scheduler, void (*)(scheduler*)> scheduler_;
};

// Starts a runtime, runs main as a fiber, shuts down and returns main's result or rethrows its exception. Fibers still alive
// when main returns are cancelled and joined first. Blocks the calling thread.
template <class F, class R = std::invoke_result_t<std::decay_t<F>>>
R run(F&& main, options with = {}, source_location where = source_location::current()) {
    runtime here(std::move(with));
    return here.run(std::forward<F>(main), where);
}

} // namespace weft
