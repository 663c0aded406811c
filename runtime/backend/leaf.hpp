// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <cstdint>

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

// What the files of the system-call seam have in common.

// A function that reads errno must be one of its own: the address of errno is another one after a migration, and compilers
// cache it.
#if defined(__GNUC__) && !defined(__clang__)
#define WEFT_LEAF [[gnu::noipa]]
#else
#define WEFT_LEAF [[gnu::noinline]]
#endif

namespace weft::sys {

// What a send is told, lest it raise SIGPIPE.
#ifdef MSG_NOSIGNAL
inline constexpr int no_signal = MSG_NOSIGNAL;
#else
inline constexpr int no_signal = 0; // SO_NOSIGPIPE, see suppress_sigpipe
#endif

template <class Result>
Result or_error(Result result) noexcept {
    return result < 0 ? static_cast<Result>(-errno) : result;
}

template <class Call>
auto repeat_if_interrupted(Call call) noexcept {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return or_error(result);
}

// A call that raises SIGPIPE for the calling thread, which is kept back meanwhile and taken away again if it was not pending
// before.
template <class Call>
long without_sigpipe(Call call) noexcept {
    sigset_t broken_pipe, pending, before;
    sigemptyset(&broken_pipe); // unqualified: some systems have macros
    sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    ::sigpending(&pending);
    const bool was_pending = sigismember(&pending, SIGPIPE) != 0;
    const long done = repeat_if_interrupted(call);
    if (done == -EPIPE && !was_pending) {
        int taken = 0;
        ::sigpending(&pending); // not, where it is ignored
        if (sigismember(&pending, SIGPIPE) != 0) ::sigwait(&broken_pipe, &taken);
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return done;
}

inline timespec to_timespec(std::int64_t ns) noexcept {
    return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

} // namespace weft::sys
