// SPDX-License-Identifier: BSL-1.0
#include "fiber/sanitizer_fiber.hpp"

#if WEFT_SANITIZED_ADDRESS || WEFT_SANITIZED_THREAD

#include <pthread.h>

#if WEFT_SANITIZED_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if WEFT_SANITIZED_THREAD
#include <sanitizer/tsan_interface.h>
#endif

// ThreadSanitizer's list of calls belongs to the fiber. An instrumented function enters its call in that list
// and takes it out at its end: if it switched fibers in between, from the wrong one.
#if defined(__clang__)
#define WEFT_NOT_INSTRUMENTED [[clang::disable_sanitizer_instrumentation, gnu::noinline]]
#else
#define WEFT_NOT_INSTRUMENTED [[gnu::no_sanitize("address"), gnu::no_sanitize("thread"), gnu::noinline]]
#endif

namespace weft {

void sanitizer_fiber::create(const void* stack_low, std::size_t size) noexcept {
    low_ = stack_low;
    size_ = size;
    created_ = true;
#if WEFT_SANITIZED_ADDRESS
    fake_stack_ = nullptr;
    // What only a suspended fiber points to is not leaked.
    __lsan_register_root_region(low_, size_);
#endif
#if WEFT_SANITIZED_THREAD
    thread_sanitizer_ = __tsan_create_fiber(0);
#endif
}

void sanitizer_fiber::adopt_thread() noexcept {
    pthread_attr_t attributes;
    void* low = nullptr;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &low, &size_);
        pthread_attr_destroy(&attributes);
    }
    low_ = low;
    created_ = false;
#if WEFT_SANITIZED_THREAD
    thread_sanitizer_ = __tsan_get_current_fiber();
#endif
}

void sanitizer_fiber::destroy() noexcept {
    if (!created_) return;
    created_ = false;
#if WEFT_SANITIZED_ADDRESS
    __lsan_unregister_root_region(low_, size_);
    // The frames that ended without returning left their red zones.
    __asan_unpoison_memory_region(low_, size_);
#endif
#if WEFT_SANITIZED_THREAD
    __tsan_destroy_fiber(thread_sanitizer_);
#endif
}

WEFT_NOT_INSTRUMENTED void sanitizer_fiber::before_switch(
    [[maybe_unused]] sanitizer_fiber& from, sanitizer_fiber& to, [[maybe_unused]] bool from_ends) noexcept {
#if WEFT_SANITIZED_ADDRESS
    // Without a place to save it in, AddressSanitizer frees the fake stack.
    __sanitizer_start_switch_fiber(from_ends ? nullptr : &from.fake_stack_, to.low_, to.size_);
#endif
#if WEFT_SANITIZED_THREAD
    __tsan_switch_to_fiber(to.thread_sanitizer_, 0);
#endif
}

WEFT_NOT_INSTRUMENTED void sanitizer_fiber::after_switch([[maybe_unused]] sanitizer_fiber& self) noexcept {
#if WEFT_SANITIZED_ADDRESS
    __sanitizer_finish_switch_fiber(self.fake_stack_, nullptr, nullptr);
#endif
}

} // namespace weft

#endif
