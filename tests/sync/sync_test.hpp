// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/actors.hpp"
#include "support/crew.hpp"

#include <weft/sync.hpp>
#include <weft/waiting/waiter.hpp>

#include <atomic>
#include <chrono>
#include <string>

namespace weft::test {

using namespace std::chrono_literals;

// Whether somebody waits, seen from outside. That one says so just before the call that is to wait.
class lookout {
public:
    void about_to_wait() {
        waiter& me = this_waiter();
        epoch_.store(waiter::epoch_of(me.word()));
        who_.store(&me);
    }
    // From then on that one is in the queue of whatever it waits for, to everybody who takes the lock of that.
    bool waits() const {
        const waiter* who = who_.load();
        if (who == nullptr) return false;
        const std::uint64_t word = who->word();
        return waiter::epoch_of(word) != epoch_.load() &&
            (word & (waiter::armed | waiter::claimed)) == waiter::armed;
    }
    void until_it_waits() const {
        wait_until([this] { return waits(); });
    }

private:
    std::atomic<waiter*> who_{nullptr};
    std::atomic<wait_epoch> epoch_{0};
};

// More than a mutex lets anybody be overtaken.
inline void let_time_pass() {
    const auto end = clock::now() + 2ms;
    while (clock::now() < end) yield();
}

// Returns once the calling fiber has been cancelled.
inline void until_cancelled() {
    for (;;) try {
            yield();
        } catch (const cancelled&) {
            return;
        }
}

template <class Exception, class Call>
std::string message_of(Call call) {
    try {
        call();
    } catch (const Exception& error) {
        return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Each test by fibers and by plain threads.
class synchronised : public in_each_setting {};

// Each test on so many workers, with fibers and plain threads together.
using mixed = fibers;

} // namespace weft::test
