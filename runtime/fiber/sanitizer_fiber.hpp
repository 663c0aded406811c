// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_SANITIZED_ADDRESS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_SANITIZED_ADDRESS 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT_SANITIZED_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_SANITIZED_THREAD 1
#endif
#endif
#ifndef WEFT_SANITIZED_ADDRESS
#define WEFT_SANITIZED_ADDRESS 0
#endif
#ifndef WEFT_SANITIZED_THREAD
#define WEFT_SANITIZED_THREAD 0
#endif

namespace weft {

inline constexpr bool sanitized_address = WEFT_SANITIZED_ADDRESS;
inline constexpr bool sanitized_thread = WEFT_SANITIZED_THREAD;

// Tells AddressSanitizer, LeakSanitizer and ThreadSanitizer which stack the thread is on: one a fiber, one a
// worker for the thread's own stack. Empty in other builds.
//
// Around each switch, on the thread that makes it: before_switch as the last thing on the stack that is left,
// after_switch with the arriving stack's own object as the first thing there, also when a fiber is entered
// for the first time; in `then`, if the switch has one. from_ends: nobody comes back to `from`.
//
// create() before anything is written to the stack; destroy(), by anybody, once it has been left for good and
// before it is used again. stack_low is the end of the guard, since LeakSanitizer reads all of what it is
// given. It reads the stack alone: with detect_stack_use_after_return=1 AddressSanitizer keeps variables
// elsewhere, and what only those of a suspended fiber point to is reported as leaked.
class sanitizer_fiber {
public:
#if WEFT_SANITIZED_ADDRESS || WEFT_SANITIZED_THREAD
    void create(const void* stack_low, std::size_t size) noexcept;
    void adopt_thread() noexcept;
    void destroy() noexcept;
    static void before_switch(sanitizer_fiber& from, sanitizer_fiber& to, bool from_ends) noexcept;
    static void after_switch(sanitizer_fiber& self) noexcept;

private:
    bool created_ = false; // by create(), so not a thread's own
    const void* low_ = nullptr;
    std::size_t size_ = 0;
#if WEFT_SANITIZED_ADDRESS
    void* fake_stack_ = nullptr; // AddressSanitizer's, of a stack that is left
#endif
#if WEFT_SANITIZED_THREAD
    void* thread_sanitizer_ = nullptr; // a thread, as ThreadSanitizer sees it
#endif
#else
    void create(const void*, std::size_t) noexcept {}
    void adopt_thread() noexcept {}
    void destroy() noexcept {}
    static void before_switch(sanitizer_fiber&, sanitizer_fiber&, bool) noexcept {}
    static void after_switch(sanitizer_fiber&) noexcept {}
#endif
};

} // namespace weft
