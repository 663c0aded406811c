// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <utility>

#include <pthread.h>
#include <sys/mman.h>

namespace weft_test {

// A stack as fibers have them, between a guard below and the end of the mapping, and threads that run on it.
class own_stack {
public:
    static constexpr std::size_t guard_size = 64 << 10;

    explicit own_stack(std::size_t size = 256 << 10) : size_(size) {
        void* const at =
            ::mmap(nullptr, guard_size + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED || ::mprotect(at, guard_size, PROT_NONE) != 0)
            throw std::runtime_error("own_stack");
        guard_ = static_cast<std::byte*>(at);
    }
    ~own_stack() { ::munmap(guard_, guard_size + size_); }
    own_stack(const own_stack&) = delete;
    own_stack& operator=(const own_stack&) = delete;

    const std::byte* low() const { return guard_ + guard_size; }
    const std::byte* high() const { return low() + size_; }
    bool guard_holds(const void* address) const { return address >= guard_ && address < low(); }

    pthread_t start(std::function<void()> body) {
        pthread_attr_t attributes;
        ::pthread_attr_init(&attributes);
        ::pthread_attr_setstack(&attributes, guard_ + guard_size, size_);
        pthread_t thread{};
        auto* argument = new std::function<void()>(std::move(body));
        const int error = ::pthread_create(&thread, &attributes, &run, argument);
        ::pthread_attr_destroy(&attributes);
        if (error != 0) throw std::runtime_error("pthread_create on its own stack");
        return thread;
    }
    void run_to_end(std::function<void()> body) { ::pthread_join(start(std::move(body)), nullptr); }

private:
    static void* run(void* argument) {
        const auto body = std::move(*static_cast<std::function<void()>*>(argument));
        delete static_cast<std::function<void()>*>(argument);
        body();
        return nullptr;
    }

    std::size_t size_;
    std::byte* guard_ = nullptr;
};

} // namespace weft_test
