// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/context_switch.hpp"
#include "fiber/exception_state.hpp"
#include "fiber/sanitizer_fiber.hpp"

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

// A stack and a context, without a scheduler: it goes on on the thread that calls resume(), until it
// suspends.
class hopping_fiber {
public:
    using body = std::function<void(hopping_fiber&)>;

    explicit hopping_fiber(body what) : body_(std::move(what)), stack_(new stack_memory) {
        sanitizer_.create(stack_->bytes, stack_size);
        here_ = weft::make_context(top(), stack_size, &run);
    }
    hopping_fiber(const hopping_fiber&) = delete;
    ~hopping_fiber() {
        if (!ended_) std::terminate();
        sanitizer_.destroy();
    }

    // Outside. Returns what suspend() was given, or nullptr at the end.
    void* resume(void* value = nullptr) {
        resumer side;
        side.exceptions.attach();
        side.sanitizer.adopt_thread();
        resumer_ = &side;
        const auto mine = side.exceptions.take();
        value_ = value;
        weft::sanitizer_fiber::before_switch(side.sanitizer, sanitizer_, false);
        void* result = weft::switch_context(side.here, here_, this);
        weft::sanitizer_fiber::after_switch(side.sanitizer);
        side.exceptions.put(mine);
        return result;
    }
    void* resume_on_new_thread(void* value = nullptr) {
        void* result = nullptr;
        std::thread([&] { result = resume(value); }).join();
        return result;
    }

    // Inside. Returns what the next resume() is given.
    void* suspend(void* value = nullptr) {
        const auto mine = resumer_->exceptions.take();
        weft::sanitizer_fiber::before_switch(sanitizer_, resumer_->sanitizer, false);
        weft::switch_context(here_, resumer_->here, value);
        weft::sanitizer_fiber::after_switch(sanitizer_);
        resumer_->exceptions.put(mine);
        return value_;
    }

    bool ended() const { return ended_; }
    weft::context where() const { return here_; }
    void* low() const { return stack_->bytes; }
    void* top() const { return stack_->bytes + stack_size; }
    static constexpr std::size_t stack_size = 256 * 1024;

private:
    struct resumer {
        weft::context here = nullptr;
        weft::sanitizer_fiber sanitizer;
        weft::exception_state exceptions;
    };
    struct stack_memory {
        alignas(64) char bytes[stack_size];
    };

    static void run(void* self_pointer) {
        auto& self = *static_cast<hopping_fiber*>(self_pointer);
        weft::sanitizer_fiber::after_switch(self.sanitizer_);
        self.resumer_->exceptions.clear();
        self.body_(self);
        self.ended_ = true;
        weft::sanitizer_fiber::before_switch(self.sanitizer_, self.resumer_->sanitizer, true);
        weft::switch_context(self.here_, self.resumer_->here, nullptr);
        __builtin_trap();
    }

    body body_;
    std::unique_ptr<stack_memory> stack_;
    weft::sanitizer_fiber sanitizer_;
    weft::context here_ = nullptr;
    resumer* resumer_ = nullptr;
    void* value_ = nullptr;
    bool ended_ = false;
};
