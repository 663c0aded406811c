// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/context_switch.hpp"
#include "fiber/sanitizer_fiber.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace weft::model {

// Some stacks on one thread, which go on one at a time and only when told to. Each runs the body over and
// over, so that a million short runs need no new stacks.
class stepper {
public:
    static constexpr unsigned nobody = ~0U;
    using body = void (*)(void* subject, unsigned index);

    explicit stepper(unsigned threads) : threads_(threads) {
        home_sanitizer_.adopt_thread();
        for (thread& each : threads_) {
            each.stack = std::make_unique_for_overwrite<char[]>(stack_size);
            each.sanitizer.create(each.stack.get(), stack_size);
            each.here = make_context(each.stack.get() + stack_size, stack_size, &entry);
        }
    }
    ~stepper() {
        quit_ = true;
        for (unsigned i = 0; i < threads_.size(); ++i) resume(i);
        for (thread& each : threads_) each.sanitizer.destroy();
    }
    stepper(const stepper&) = delete;
    stepper& operator=(const stepper&) = delete;

    void set_body(body what, void* subject) noexcept { body_ = what, subject_ = subject; }
    unsigned running() const noexcept { return running_; }

    // Until it stops or its body ends; false: it has ended, and the next resume() begins anew.
    bool resume(unsigned index) {
        thread& next = threads_[index];
        running_ = index;
        next.ended = false;
        sanitizer_fiber::before_switch(home_sanitizer_, next.sanitizer, false);
        switch_context(home_, next.here, this);
        sanitizer_fiber::after_switch(home_sanitizer_);
        running_ = nobody;
        return !next.ended;
    }
    // By the one that runs.
    void stop() { leave(threads_[running_], false); }

private:
    static constexpr std::size_t stack_size = 256 * 1024;

    struct thread {
        std::unique_ptr<char[]> stack;
        context here = nullptr;
        [[no_unique_address]] sanitizer_fiber sanitizer;
        bool ended = false;
    };

    static void entry(void* transfer) {
        auto& all = *static_cast<stepper*>(transfer);
        const unsigned index = all.running_;
        thread& self = all.threads_[index];
        sanitizer_fiber::after_switch(self.sanitizer);
        while (!all.quit_) {
            all.body_(all.subject_, index);
            self.ended = true;
            all.leave(self, false);
        }
        all.leave(self, true);
    }
    void leave(thread& self, bool for_good) {
        sanitizer_fiber::before_switch(self.sanitizer, home_sanitizer_, for_good);
        switch_context(self.here, home_, nullptr);
        sanitizer_fiber::after_switch(self.sanitizer);
    }

    std::vector<thread> threads_;
    body body_ = nullptr;
    void* subject_ = nullptr;
    unsigned running_ = nobody;
    bool quit_ = false;
    context home_ = nullptr;
    [[no_unique_address]] sanitizer_fiber home_sanitizer_;
};

} // namespace weft::model
