// SPDX-License-Identifier: BSL-1.0
#include "debug/thread_capture.hpp"

#include "debug/code_module.hpp"
#include "debug/frame_chain.hpp"
#include "debug/replaced_action.hpp"

#include <weft/backend/clock.hpp>
#include <weft/backend/sys.hpp>

#include <atomic>
#include <cerrno>
#include <mutex>

#include <signal.h>

// A capture is a dialogue over one request block: the asker, who holds a mutex, and the handler in the thread
// that is asked.
//
// state, a futex word: step:3 | tid:29 of the thread that is asked. Who takes which step:
// - idle -> asked: asker, after it wrote the question [C1]
// - asked -> idle: asker, out of patience; no late signal finds the question any more
// - asked -> answering: handler of that tid [C1]
// - answering -> answered: handler, after it wrote the answer [C2]
// - answered -> idle: asker, after it read the answer [C3]
// - answering -> given_up: asker, out of patience again, as the handler's thread has lost its CPU
// - given_up -> idle: handler; until then the block is its own, and there is no other capture [C3]
//
// [C1] The asker releases the question, the handler acquires it; before, the handler looks at nothing else.
// [C2] The handler releases the answer, the asker acquires it.
// [C3] Who was last to use the block releases it, the next asker acquires it.
// The signal carries the block's address, so that SIGURGs of the kernel or of another library are told apart.
namespace weft {
namespace {

// TSan keeps an asynchronous signal back until its thread is at a convenient point, and shows the registers
// of before.
#if defined(__SANITIZE_THREAD__)
constexpr bool signals_come_late = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool signals_come_late = true;
#else
constexpr bool signals_come_late = false;
#endif
#else
constexpr bool signals_come_late = false;
#endif

struct capture_request {
    enum step : std::uint32_t { idle, asked, answering, answered, given_up };

    std::atomic<std::uint32_t> state{idle};
    stack_view stack{};
    code_map code;
    stack_trace answer;

    static std::uint32_t at(step where, int tid) noexcept {
        return where == idle ? idle : where | static_cast<std::uint32_t>(tid) << 3;
    }

    // Acquires even if the step is not taken: then it was the other one's, and what that one wrote is looked
    // at next.
    bool move(int tid, step from, step to) noexcept {
        std::uint32_t expected = at(from, tid);
        return state.compare_exchange_strong(
            expected, at(to, tid), std::memory_order_acq_rel, std::memory_order_acquire); // [C1] [C2]
    }
    void release() noexcept { state.store(idle, std::memory_order_release); }               // [C3]
    bool is_free() const noexcept { return state.load(std::memory_order_acquire) == idle; } // [C3]

    // Relaxed: whoever waits looks again with move().
    void wait_while(int tid, step where, clock::time_point deadline) const noexcept {
        while (state.load(std::memory_order_relaxed) == at(where, tid)) {
            const auto left = deadline - clock::now();
            if (left <= left.zero()) return;
            sys::futex_wait(word(), at(where, tid), left.count());
        }
    }
    void wake_asker() const noexcept { sys::futex_wake(word(), 1); }

private:
    const std::uint32_t* word() const noexcept { return reinterpret_cast<const std::uint32_t*>(&state); }
};

capture_request request;
replaced_action urgent_before;

// A handler that TSan runs late finds itself on whatever stack the thread is using now.
bool registers_are_current() noexcept {
    if (!signals_come_late || request.stack.has_words(__builtin_frame_address(0), 1)) return true;
    stack_t stack{};
    return sys::signal_stack(nullptr, &stack) == 0 && (stack.ss_flags & SS_ONSTACK) != 0;
}

void answer(const void* context) noexcept {
    using enum capture_request::step;
    const int self = sys::thread_id();
    if (!request.move(self, asked, answering)) return; // too late
    registers stopped = registers_of(context);
    if (!registers_are_current()) stopped.sp = nullptr;
    request.answer = trace_stopped(stopped, request.stack, request.code);
    if (!request.move(self, answering, answered)) request.release();
    request.wake_asker();
}

void on_urgent(int signal, siginfo_t* information, void* context) {
    const int error = errno;
    const bool ours = information->si_code == SI_QUEUE && information->si_value.sival_ptr == &request;
    if (ours)
        answer(context);
    else
        urgent_before.pass_on(signal, information, context);
    errno = error;
}

int signal_with_request(int tid) noexcept {
    siginfo_t information{};
    information.si_signo = SIGURG;
    information.si_code = SI_QUEUE;
    information.si_value.sival_ptr = &request;
    return sys::signal_queue(tid, information);
}

bool await_answer(int tid, std::chrono::nanoseconds patience) noexcept {
    using enum capture_request::step;
    request.wait_while(tid, asked, clock::now() + patience);
    if (request.move(tid, asked, idle)) return false;
    request.wait_while(tid, answering, clock::now() + patience);
    return !request.move(tid, answering, given_up);
}

} // namespace

std::optional<stack_trace> capture_thread(
    int tid, const std::byte* low, const std::byte* high, std::chrono::nanoseconds patience) noexcept {
    static std::mutex turn;
    const std::scoped_lock lock(turn);
    [[maybe_unused]] static const bool handler_is_there = [] {
        urgent_before.replace(SIGURG, &on_urgent, SA_ONSTACK | SA_RESTART);
        return true;
    }();
    if (!request.is_free()) return std::nullopt;
    request.stack = {low, high};
    request.code.refresh();
    request.state.store(capture_request::at(capture_request::asked, tid), std::memory_order_release); // [C1]
    if (signal_with_request(tid) < 0) patience = patience.zero();
    std::optional<stack_trace> answer;
    if (await_answer(tid, patience)) {
        answer = request.answer;
        request.release();
    }
    request.code.close();
    return answer;
}

} // namespace weft
