// SPDX-License-Identifier: BSL-1.0
#include "cancel/blocking_calls.hpp"

#include <weft/weft.hpp>

#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <vector>

namespace weft::test {
namespace {

using namespace std::chrono_literals;

// Something locked by a fiber that holds it until this ends.
template <class Lock>
class held {
public:
    held() {
        const channel<unit> locked(0);
        holder_ = go([this, locked] {
            const cancellation_shield until_released;
            const std::lock_guard guard(lock_);
            locked.close();
            release_.recv();
        });
        shield([&] { locked.recv(); });
    }
    ~held() {
        release_.close();
        shield([&] { holder_.join(); });
    }
    held(const held&) = delete;
    held& operator=(const held&) = delete;

    Lock& operator*() noexcept { return lock_; }
    Lock* operator->() noexcept { return &lock_; }

private:
    Lock lock_;
    const channel<unit> release_{0};
    fiber<void> holder_;
};

template <class T, class Call>
std::function<void()> with(Call call) {
    return [of = std::make_shared<T>(), call] { call(*of); };
}

struct locked_with_condition {
    mutex lock;
    condition_variable changed;
    template <class Wait>
    void wait(Wait how) {
        std::unique_lock guard(lock);
        how(changed, guard);
        if (!guard.owns_lock()) throw std::logic_error("the lock is not held after the wait");
    }
};

void end_of(fiber<void>& of) {
    try {
        shield([&] { of.join(); });
    } catch (const cancelled&) { // which it was
    }
}

struct sleeping_fiber {
    fiber<void> sleeper = go([] { sleep(24h); });
    ~sleeping_fiber() {
        sleeper.cancel();
        if (sleeper.joinable()) end_of(sleeper);
    }
};

struct one_permit_taken {
    counting_semaphore permits{0};
};
struct counted_one {
    wait_group group;
    counted_one() { group.add(1); }
};
struct one_latch {
    latch count{1};
};
struct barrier_of_two {
    barrier<> both{2};
};

// A helper thread inside a call that is let go when this ends; a thread, which would call it itself, asks a fiber for it.
struct blocked_thread {
    std::shared_ptr<std::latch> release = std::make_shared<std::latch>(1);
    fiber<void> asked;
    void call() {
        const auto wait = [until = release] { blocking([until] { until->wait(); }); };
        if (this_fiber::in_fiber()) return wait();
        if (!asked.joinable()) asked = go(wait);
        asked.join();
    }
    ~blocked_thread() {
        release->count_down();
        if (asked.joinable()) end_of(asked);
    }
};

// call_once that another fiber is inside of.
struct once_begun {
    once_flag flag;
    const channel<unit> release{0};
    fiber<void> inside;
    once_begun() {
        const channel<unit> begun(0);
        inside = go([this, begun] {
            shield([&] {
                call_once(flag, [&] {
                    begun.close();
                    release.recv();
                });
            });
        });
        shield([&] { begun.recv(); });
    }
    ~once_begun() {
        release.close();
        shield([&] { inside.join(); });
    }
};

} // namespace

std::vector<blocking_call> runtime_calls() {
    using std::chrono::steady_clock;
    return {
        {"sleep", [] { return [] { sleep(24h); }; }},
        {"sleep_until", [] { return [] { sleep_until(clock::now() + 24h); }; }},
        {"yield",
            [] {
                return [] {
                    for (;;) yield();
                };
            },
            false},
        {"join", [] { return with<sleeping_fiber>([](auto& of) { of.sleeper.join(); }); }},
        {"select_on_join",
            // Shutdown cancels the sleeper, too: which of the two ends first is open.
            [] {
                return with<sleeping_fiber>(
                    [](auto& of) { select(on_join(of.sleeper, [](auto& ended) { ended.join(); })); });
            }},
        {"mutex_try_lock_for",
            [] { return with<held<mutex>>([](auto& of) { static_cast<void>(of->try_lock_for(24h)); }); }},
        {"mutex_try_lock_until",
            [] {
                return with<held<mutex>>(
                    [](auto& of) { static_cast<void>(of->try_lock_until(clock::now() + 24h)); });
            }},
        {"shared_mutex_try_lock_for",
            [] {
                return with<held<shared_mutex>>([](auto& of) { static_cast<void>(of->try_lock_for(24h)); });
            }},
        {"shared_mutex_try_lock_shared_for",
            [] {
                return with<held<shared_mutex>>(
                    [](auto& of) { static_cast<void>(of->try_lock_shared_for(24h)); });
            }},
        {"condition_variable_wait",
            [] {
                return with<locked_with_condition>(
                    [](auto& of) { of.wait([](auto& changed, auto& guard) { changed.wait(guard); }); });
            }},
        {"condition_variable_wait_predicate",
            [] {
                return with<locked_with_condition>([](auto& of) {
                    of.wait([](auto& changed, auto& guard) { changed.wait(guard, [] { return false; }); });
                });
            }},
        {"condition_variable_wait_for",
            [] {
                return with<locked_with_condition>([](auto& of) {
                    of.wait([](auto& changed, auto& guard) { changed.wait_for(guard, 24h); });
                });
            }},
        {"semaphore_acquire", [] { return with<one_permit_taken>([](auto& of) { of.permits.acquire(); }); }},
        {"semaphore_try_acquire_for",
            [] { return with<one_permit_taken>([](auto& of) { of.permits.try_acquire_for(24h); }); }},
        {"permit", [] { return with<one_permit_taken>([](auto& of) { const permit one(of.permits); }); }},
        {"select_on_acquire",
            [] {
                return with<one_permit_taken>(
                    [](auto& of) { select(on_acquire(of.permits, [](permit) {})); });
            }},
        {"wait_group_wait", [] { return with<counted_one>([](auto& of) { of.group.wait(); }); }},
        {"wait_group_wait_for", [] { return with<counted_one>([](auto& of) { of.group.wait_for(24h); }); }},
        {"latch_wait", [] { return with<one_latch>([](auto& of) { of.count.wait(); }); }},
        {"latch_wait_for", [] { return with<one_latch>([](auto& of) { of.count.wait_for(24h); }); }},
        {"barrier_arrive_and_wait",
            [] { return with<barrier_of_two>([](auto& of) { of.both.arrive_and_wait(); }); }},
        {"call_once", [] { return with<once_begun>([](auto& of) { call_once(of.flag, [] {}); }); }},
        {"select_on_cancel",
            [] { return with<cancel_source>([](auto& of) { select(on_cancel(of.token(), [] {})); }); }},
        {"blocking", [] { return with<blocked_thread>([](auto& of) { of.call(); }); }},
        {"task_group_wait",
            [] {
                return [] {
                    task_group group;
                    group.go([] { sleep(24h); });
                    group.wait();
                };
            }},
        {"task_group_go_at_its_limit",
            [] {
                return [] {
                    task_group group{{.limit = 1}};
                    for (;;) group.go([] { sleep(24h); });
                };
            }},
        {"when_all", [] { return [] { when_all([] { sleep(24h); }, [] { sleep(24h); }); }; }},
        {"when_any", [] { return [] { when_any([] { sleep(24h); }, [] { sleep(24h); }); }; }},
        {"settle",
            [] {
                return [] {
                    for (;;) settle([] { sleep(24h); }, [] { sleep(24h); });
                };
            }},
        {"parallel_for",
            [] { return [] { parallel_for(std::vector<int>(3), 2, [](int) { sleep(24h); }); }; }},
        {"parallel_map",
            [] {
                return [] {
                    parallel_map(std::vector<int>(3), 2, [](int) {
                        sleep(24h);
                        return 0;
                    });
                };
            }},
    };
}

} // namespace weft::test
