// SPDX-License-Identifier: BSL-1.0
#include "cancel/blocking_calls.hpp"
#include "support/fibers_test.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

// Every blocking call, ended in every way there is; no cell may be empty.
namespace weft {
namespace {

using namespace std::chrono_literals;
using test::blocking_call;

// Sets a fiber up in which `call` is cancelled, and gives what the call threw.
struct way {
    std::string name;
    std::function<void(const blocking_call&)> run;
};

enum class thrown { nothing, cancelled_, timed_out_, something_else };

thrown outcome_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const timed_out&) {
        return thrown::timed_out_;
    } catch (const cancelled&) {
        return thrown::cancelled_;
    } catch (...) {
        return thrown::something_else;
    }
    return thrown::nothing;
}

// Until the fiber waits for what its call waits for, or has ended.
void until_parked(const fiber_id& id, const blocking_call& call) {
    if (!call.parks) return;
    for (;;) {
        bool running = false;
        fiber_registry::instance().for_each([&](fiber_control& fiber) {
            if (fiber_id(fiber.id) == id && !fiber.has_ended())
                running = fiber.phase.load(std::memory_order_acquire) != fiber_phase::parked;
        });
        if (!running) return;
        yield();
    }
}

// body(call) runs in a fiber and opens what is cancelled; cancel() cancels it once that fiber waits.
void in_a_fiber(const blocking_call& call, const std::function<thrown(const std::function<void()>&)>& body,
    const std::function<void(fiber<thrown>&)>& cancel, thrown expected = thrown::cancelled_) {
    weft::run(
        [&] {
            const channel<unit> ready(1);
            auto victim = go([&] {
                const std::function<void()> prepared = call.prepare();
                ready.send({});
                return body(prepared);
            });
            ready.recv();
            until_parked(victim.id(), call);
            cancel(victim);
            EXPECT_EQ(victim.join(), expected);
        },
        {.workers = 2});
}

void by_token(const blocking_call& call) {
    const cancel_source source;
    in_a_fiber(
        call,
        [&](auto& prepared) {
            const cancel_scope scope{source.token()};
            return outcome_of(prepared);
        },
        [&](auto&) { source.cancel(); });
}
void by_std_stop_token(const blocking_call& call) {
    std::stop_source source;
    in_a_fiber(
        call,
        [&](auto& prepared) {
            const cancel_scope scope{source.get_token()};
            return outcome_of(prepared);
        },
        [&](auto&) { source.request_stop(); });
}
void by_deadline(const blocking_call& call) {
    in_a_fiber(
        call, [&](auto& prepared) { return outcome_of([&] { with_timeout(2ms, prepared); }); }, [](auto&) {},
        thrown::timed_out_);
}
void by_outer_deadline(const blocking_call& call) {
    in_a_fiber(
        call,
        [&](auto& prepared) {
            return outcome_of([&] {
                with_timeout(2ms, [&] {
                    const cancel_scope inner;
                    with_timeout(24h, prepared);
                });
            });
        },
        [](auto&) {}, thrown::timed_out_);
}
void by_outer_scope(const blocking_call& call) {
    const cancel_source source;
    in_a_fiber(
        call,
        [&](auto& prepared) {
            const cancel_scope outer{source.token()};
            return outcome_of([&] {
                const cancel_source unused;
                const cancel_scope inner{unused.token()};
                with_timeout(24h, prepared);
            });
        },
        [&](auto&) { source.cancel(); });
}
void by_parent_of_the_token(const blocking_call& call) {
    const cancel_source source;
    const cancel_source child(cancel_source(source.token()).token());
    in_a_fiber(
        call,
        [&](auto& prepared) {
            const cancel_scope scope{child.token()};
            return outcome_of(prepared);
        },
        [&](auto&) { source.cancel(); });
}
void by_the_scope_itself(const blocking_call& call) {
    std::atomic<cancel_scope*> open{nullptr};
    in_a_fiber(
        call,
        [&](auto& prepared) {
            cancel_scope scope;
            open.store(&scope);
            return outcome_of(prepared);
        },
        [&](auto&) {
            while (open.load() == nullptr) yield();
            open.load()->cancel();
        });
}
void by_fiber_cancel(const blocking_call& call) {
    in_a_fiber(
        call, [](auto& prepared) { return outcome_of(prepared); }, [](auto& victim) { victim.cancel(); });
}
void by_task_group(const blocking_call& call) {
    weft::run(
        [&] {
            const channel<fiber_id> ready(1);
            thrown outcome = thrown::nothing;
            task_group group;
            group.go([&] {
                const std::function<void()> prepared = call.prepare();
                ready.send(this_fiber::id());
                outcome = outcome_of(prepared);
            });
            until_parked(*ready.recv(), call);
            group.cancel();
            group.wait();
            EXPECT_EQ(outcome, thrown::cancelled_);
        },
        {.workers = 2});
}
void by_shutdown(const blocking_call& call) {
    std::atomic<thrown> outcome{thrown::nothing};
    weft::run(
        [&] {
            const channel<unit> ready(1);
            auto victim = go([&, ready] {
                const std::function<void()> prepared = call.prepare();
                ready.send({});
                outcome.store(outcome_of(prepared));
            });
            ready.recv();
            until_parked(victim.id(), call);
        },
        {.workers = 2});
    EXPECT_EQ(outcome.load(), thrown::cancelled_);
}
void before_it_begins(const blocking_call& call) {
    const cancel_source source;
    source.cancel();
    in_a_fiber(
        call,
        [&](auto& prepared) {
            const cancel_scope scope{source.token()};
            return outcome_of(prepared);
        },
        [](auto&) {});
}
void again_and_again(const blocking_call& call) {
    const cancel_source source;
    in_a_fiber(
        call,
        [&](auto& prepared) {
            const cancel_scope scope{source.token()};
            const thrown first = outcome_of(prepared);
            const thrown second = outcome_of(prepared);
            return first == second ? second : thrown::something_else;
        },
        [&](auto&) { source.cancel(); });
}

// On a plain thread, whose fibers, if the call needs any, run in the default runtime.
void on_a_thread(const blocking_call& call, const std::function<thrown(const std::function<void()>&)>& body,
    const std::function<void()>& cancel, thrown expected) {
    std::atomic<thrown> outcome{thrown::nothing};
    const channel<unit> ready(1);
    std::thread victim([&] {
        const std::function<void()> prepared = call.prepare();
        ready.send({});
        outcome.store(body(prepared));
    });
    ready.recv();
    cancel();
    victim.join();
    EXPECT_EQ(outcome.load(), expected);
}
void of_a_thread_by_token(const blocking_call& call) {
    const cancel_source source;
    on_a_thread(
        call,
        [&](auto& prepared) {
            const cancel_scope scope{source.token()};
            return outcome_of(prepared);
        },
        [&] { source.cancel(); }, thrown::cancelled_);
}
void of_a_thread_by_deadline(const blocking_call& call) {
    on_a_thread(
        call, [](auto& prepared) { return outcome_of([&] { with_timeout(2ms, prepared); }); }, [] {},
        thrown::timed_out_);
}

const std::vector<way>& all_ways() {
    static const std::vector<way> ways{
        {"token", by_token},
        {"std_stop_token", by_std_stop_token},
        {"parent_of_the_token", by_parent_of_the_token},
        {"deadline", by_deadline},
        {"outer_deadline", by_outer_deadline},
        {"outer_scope", by_outer_scope},
        {"the_scope_itself", by_the_scope_itself},
        {"fiber_cancel", by_fiber_cancel},
        {"task_group", by_task_group},
        {"shutdown", by_shutdown},
        {"before_it_begins", before_it_begins},
        {"again_and_again", again_and_again},
        {"thread_by_token", of_a_thread_by_token},
        {"thread_by_deadline", of_a_thread_by_deadline},
    };
    return ways;
}

const std::vector<blocking_call>& all_calls() {
    static const std::vector<blocking_call> calls = [] {
        std::vector<blocking_call> all = test::runtime_calls();
        for (auto& each : test::channel_calls()) all.push_back(each);
        for (auto& each : test::network_calls()) all.push_back(each);
        for (auto& each : test::tls_calls()) all.push_back(each);
        for (auto& each : test::resilience_calls()) all.push_back(each);
        return all;
    }();
    return calls;
}

class cancel_matrix : public ::testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};

INSTANTIATE_TEST_SUITE_P(All, cancel_matrix,
    ::testing::Combine(::testing::Range<std::size_t>(0, all_calls().size()),
        ::testing::Range<std::size_t>(0, all_ways().size())),
    [](const auto& cell) {
        return all_calls()[std::get<0>(cell.param)].name + "__" + all_ways()[std::get<1>(cell.param)].name;
    });

TEST_P(cancel_matrix, Ends) {
    all_ways()[std::get<1>(GetParam())].run(all_calls()[std::get<0>(GetParam())]);
    // A task counts as ended before its fiber has; those of a thread's call are in a runtime that goes on.
    while (test::living_fibers() != 0) yield();
}

} // namespace
} // namespace weft
