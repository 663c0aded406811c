// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using cancel_scope_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, cancel_scope_, test::all_worker_counts(), test::workers_name);

template <class F>
std::string text_thrown_by(F f) {
    try {
        f();
    } catch (const cancelled& thrown) {
        return thrown.what();
    }
    return "nothing";
}

TEST_P(cancel_scope_, EndsTheCallThatWaits) {
    run([] {
        const cancel_source source;
        const channel<int> nothing(0);
        auto f = go([&] {
            const cancel_scope scope{source.token()};
            return text_thrown_by([&] { nothing.recv(); });
        });
        yield();
        source.cancel("enough");
        EXPECT_EQ(f.join(), "enough");
    });
}

TEST_P(cancel_scope_, CountsForEachOfItsTokens) {
    run([] {
        for (int which = 0; which < 4; ++which) {
            const cancel_source a, b, c;
            std::stop_source d;
            auto f = go([&] {
                const cancel_scope scope{a.token(), b.token(), c.token(), d.get_token()};
                sleep(24h);
            });
            yield();
            if (which == 0) a.cancel();
            if (which == 1) b.cancel();
            if (which == 2) c.cancel();
            if (which == 3) d.request_stop();
            EXPECT_THROW(f.join(), cancelled);
        }
    });
}

TEST_P(cancel_scope_, LetsNoFurtherCallBeginReadyOrNotWhileItLives) {
    run([] {
        const cancel_source source;
        const channel<int> ready(2);
        ready.send(1);
        {
            const cancel_scope scope{source.token()};
            ready.send(2);
            source.cancel();
            for (int i = 0; i < 3; ++i) {
                EXPECT_THROW(ready.recv(), cancelled);
                EXPECT_THROW(yield(), cancelled);
                EXPECT_THROW(sleep(0s), cancelled);
            }
            int v = 0;
            EXPECT_EQ(ready.try_recv(v), channel_status::ok); // no cancellation point
        }
        EXPECT_EQ(ready.recv(), 2);
        EXPECT_NO_THROW(yield());
    });
}

TEST_P(cancel_scope_, OpenedUnderAFiredTokenCountsAtOnce) {
    run([] {
        const cancel_source source;
        source.cancel("before");
        const cancel_scope scope{source.token()};
        EXPECT_EQ(text_thrown_by([] { yield(); }), "before");
    });
}

TEST_P(cancel_scope_, TheOutermostThatFiredGivesTheReason) {
    run([] {
        const cancel_source inner;
        const cancel_source outer;
        const cancel_scope around{outer.token()};
        {
            const cancel_scope scope{inner.token()};
            inner.cancel("inner");
            EXPECT_EQ(text_thrown_by([] { yield(); }), "inner");
            outer.cancel("outer");
            EXPECT_EQ(text_thrown_by([] { yield(); }), "outer");
        }
        EXPECT_EQ(text_thrown_by([] { yield(); }), "outer");
    });
}

TEST_P(cancel_scope_, TheInnerOneLeavesTheOuterAlone) {
    run([] {
        const cancel_source inner;
        const cancel_scope around;
        {
            const cancel_scope scope{inner.token()};
            inner.cancel();
            EXPECT_THROW(yield(), cancelled);
        }
        EXPECT_NO_THROW(yield());
    });
}

TEST_P(cancel_scope_, IsCancelledByHand) {
    run([] {
        cancel_scope* open = nullptr;
        const channel<unit> opened(0);
        auto f = go([&] {
            cancel_scope scope;
            open = &scope;
            opened.send({});
            return text_thrown_by([] { sleep(24h); });
        });
        opened.recv();
        open->cancel("by hand");
        EXPECT_EQ(f.join(), "by hand");
    });
}

TEST_P(cancel_scope_, AFiberStartedInsideInheritsNothing) {
    run([] {
        const cancel_source source;
        const cancel_scope scope{source.token()};
        source.cancel();
        auto f = go([] { yield(); });
        EXPECT_NO_THROW(shield([&] { f.join(); }));
    });
}

TEST_P(cancel_scope_, TakesNoValueAndGivesNone) {
    run([] {
        for (int i = 0; i < 500; ++i) {
            const cancel_source source;
            const channel<int> values(0);
            int given = 0;
            int taken = 0;
            auto receiver = go([&] {
                const cancel_scope scope{source.token()};
                try {
                    while (values.recv()) ++taken;
                } catch (const cancelled&) {}
            });
            auto sender = go([&] {
                const cancel_scope scope{source.token()};
                try {
                    for (;;) {
                        values.send(given);
                        ++given;
                    }
                } catch (const cancelled&) {}
            });
            for (int k = 0; k < i % 7; ++k) yield();
            source.cancel();
            receiver.join();
            sender.join();
            EXPECT_EQ(given, taken);
        }
    });
}

TEST_P(cancel_scope_, ManyFibersAreWokenAtOnce) {
    run([] {
        const cancel_source source;
        std::vector<fiber<void>> waiting;
        for (int i = 0; i < 1000; ++i)
            waiting.push_back(go([&] {
                const cancel_scope scope{source.token()};
                sleep(24h);
            }));
        for (int i = 0; i < 10; ++i) yield();
        source.cancel();
        for (auto& each : waiting) EXPECT_THROW(each.join(), cancelled);
    });
}

// --- deadlines

TEST_P(cancel_scope_, WithTimeoutGivesTheResult) {
    run([] {
        EXPECT_EQ(with_timeout(1h, [] { return 7; }), 7);
        int x = 0;
        static_assert(std::is_same_v<decltype(with_timeout(1h, [&]() -> int& { return x; })), int&>);
        with_timeout(1h, [&] { x = 1; });
        EXPECT_EQ(x, 1);
        EXPECT_EQ(with_deadline(std::chrono::system_clock::now() + 1h, [] { return 8; }), 8);
    });
}

TEST_P(cancel_scope_, WithTimeoutEndsTheCallThatWaits) {
    run([] {
        const channel<int> nothing(0);
        EXPECT_THROW(with_timeout(2ms, [&] { nothing.recv(); }), timed_out);
        EXPECT_THROW(with_timeout(2ms, [&] { sleep(24h); }), timed_out);
        EXPECT_THROW(with_deadline(clock::now() + 2ms, [&] { nothing.send(1); }), timed_out);
        EXPECT_THROW(with_timeout(2ms, [&] { nothing.recv(); }), cancelled); // which timed_out is, too
        EXPECT_EQ(text_thrown_by([&] { with_timeout(2ms, [&] { nothing.recv(); }); }),
            "timed out: 2 ms have passed");
    });
}

TEST_P(cancel_scope_, WithTimeoutEndsALoopThatYields) {
    run([] {
        EXPECT_THROW(with_timeout(2ms,
                         [] {
                             for (;;) yield();
                         }),
            timed_out);
    });
}

TEST_P(cancel_scope_, APastDeadlineLetsNoCallBeginReadyOrNot) {
    run([] {
        const channel<int> ready(1);
        ready.send(1);
        EXPECT_THROW(with_timeout(0s, [&] { ready.recv(); }), timed_out);
        EXPECT_THROW(with_timeout(-5s, [&] { ready.recv(); }), timed_out);
        EXPECT_THROW(with_deadline(clock::time_point::min(), [&] { ready.recv(); }), timed_out);
        EXPECT_EQ(ready.size(), 1U);
        EXPECT_EQ(with_timeout(0s, [] { return 3; }), 3);
    });
}

TEST_P(cancel_scope_, AResultGivenAfterTheDeadlineIsPassedOn) {
    run([] {
        EXPECT_EQ(with_timeout(1ms,
                      [] {
                          try {
                              sleep(24h);
                          } catch (const timed_out&) {}
                          return 5;
                      }),
            5);
        EXPECT_NO_THROW(yield());
    });
}

TEST_P(cancel_scope_, TheEarliestDeadlineWins) {
    run([] {
        bool inner_threw = false;
        EXPECT_EQ(text_thrown_by([&] {
            with_timeout(3ms, [&] {
                try {
                    with_timeout(24h, [] { sleep(24h); });
                } catch (const timed_out&) {
                    inner_threw = true;
                    throw;
                }
            });
        }),
            "timed out: 3 ms have passed");
        EXPECT_TRUE(inner_threw);
        with_timeout(24h, [] {
            EXPECT_THROW(with_timeout(1ms, [] { sleep(24h); }), timed_out);
            EXPECT_NO_THROW(yield());
        });
    });
}

TEST_P(cancel_scope_, ATimedCallsOwnDeadlineIsAValueAndTheScopesAnException) {
    run([] {
        const channel<int> nothing(0);
        int v = 0;
        EXPECT_EQ(with_timeout(24h, [&] { return nothing.recv_for(v, 1ms); }), channel_status::timeout);
        EXPECT_THROW(with_timeout(1ms, [&] { return nothing.recv_for(v, 24h); }), timed_out);
        EXPECT_EQ(with_timeout(24h, [&] { return select(on_timeout(1ms, [] { return 1; })); }), 1);
        EXPECT_THROW(with_timeout(1ms, [&] { return select(on_timeout(24h, [] { return 1; })); }), timed_out);
    });
}

TEST_P(cancel_scope_, ACancellationBeatsADeadlineAndTheReverse) {
    run([] {
        const cancel_source source;
        auto f = go([&] {
            const cancel_scope scope{source.token()};
            return text_thrown_by([] { with_timeout(24h, [] { sleep(24h); }); });
        });
        yield();
        source.cancel("first");
        EXPECT_EQ(f.join(), "first");
    });
}

// --- shields

TEST_P(cancel_scope_, AShieldKeepsAwayWhatIsOutside) {
    run([] {
        const cancel_source source;
        const channel<unit> shielded(0);
        const channel<int> values(0);
        auto f = go([&] {
            const cancel_scope scope{source.token()};
            const int got = shield([&] {
                shielded.close();
                return values.recv().value_or(0);
            });
            EXPECT_THROW(yield(), cancelled);
            return got;
        });
        shielded.recv();
        source.cancel();
        values.send(3);
        EXPECT_EQ(f.join(), 3);
    });
}

TEST_P(cancel_scope_, AShieldKeepsAwayAnOuterDeadline) {
    run([] {
        EXPECT_EQ(with_timeout(1ms,
                      [] {
                          return shield([] {
                              sleep(3ms);
                              return 1;
                          });
                      }),
            1);
        EXPECT_THROW(with_timeout(1ms,
                         [] {
                             shield([] { sleep(3ms); });
                             yield();
                         }),
            timed_out);
    });
}

TEST_P(cancel_scope_, ADeadlineInsideAShieldCounts) {
    run([] {
        const cancel_source source;
        const cancel_scope scope{source.token()};
        source.cancel("outer");
        EXPECT_THROW(shield([] { with_timeout(1ms, [] { sleep(24h); }); }), timed_out);
        EXPECT_EQ(text_thrown_by([] { yield(); }), "outer");
    });
}

TEST_P(cancel_scope_, AShieldKeepsTheFibersOwnCancellationAway) {
    run([] {
        const channel<unit> shielded(0);
        auto f = go([&] {
            shield([&] {
                shielded.send({});
                yield();
                sleep(1ms);
            });
            yield();
        });
        shielded.recv();
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
    });
}

TEST_P(cancel_scope_, UnwindingIsShieldedAndMayHaveItsOwnDeadline) {
    run([] {
        const cancel_source source;
        bool slept = false;
        bool timed = false;
        struct clean_up {
            bool& slept;
            bool& timed;
            ~clean_up() {
                sleep(1us);
                yield();
                slept = true;
                try {
                    with_timeout(1ms, [] { sleep(24h); });
                } catch (const timed_out&) {
                    timed = true;
                }
                yield();
            }
        };
        auto f = go([&] {
            const cancel_scope scope{source.token()};
            const clean_up at_end{slept, timed};
            sleep(24h);
        });
        yield();
        source.cancel();
        EXPECT_THROW(f.join(), cancelled);
        EXPECT_TRUE(slept);
        EXPECT_TRUE(timed);
    });
}

TEST_P(cancel_scope_, HandlersOfExceptionsAreNotShielded) {
    run([] {
        const cancel_source source;
        const cancel_scope scope{source.token()};
        source.cancel();
        try {
            throw std::runtime_error("caught");
        } catch (const std::runtime_error&) {
            EXPECT_THROW(yield(), cancelled);
        }
    });
}

// --- plain threads

TEST(cancel_scope_of_a_thread, EndsTheCallThatWaits) {
    const cancel_source source;
    const channel<int> nothing(0);
    const channel<unit> open(1);
    std::string text;
    std::thread waits([&] {
        const cancel_scope scope{source.token()};
        open.send({});
        text = text_thrown_by([&] { nothing.recv(); });
        EXPECT_THROW(nothing.recv(), cancelled);
        EXPECT_THROW(yield(), cancelled);
    });
    open.recv();
    source.cancel("thread");
    waits.join();
    EXPECT_EQ(text, "thread");
}

TEST(cancel_scope_of_a_thread, HasDeadlinesAndShields) {
    const channel<int> nothing(0);
    EXPECT_THROW(with_timeout(1ms, [&] { nothing.recv(); }), timed_out);
    EXPECT_THROW(with_timeout(0s, [&] { yield(); }), timed_out);
    EXPECT_EQ(with_timeout(1ms,
                  [] {
                      return shield([] {
                          sleep(2ms);
                          return 1;
                      });
                  }),
        1);
    EXPECT_NO_THROW(yield());
}

TEST(cancel_scope_of_a_thread, RacesWithItsCancellation) {
    for (int i = 0; i < 2000; ++i) {
        const cancel_source source;
        const channel<int> values(1);
        bool got = false;
        std::thread waits([&] {
            const cancel_scope scope{source.token()};
            try {
                got = values.recv().has_value();
            } catch (const cancelled&) {}
        });
        values.send(1);
        source.cancel();
        waits.join();
        EXPECT_EQ(values.size(), got ? 0U : 1U);
    }
}

// --- races

// Each round, a cancellation and a value race for one wait: whatever wins, the value is where it should be.
TEST_P(cancel_scope_, RacesWithCompletion) {
    const int rounds = sanitized_address || sanitized_thread ? 20'000 : 100'000;
    run([&] {
        const channel<int> values(0);
        const channel<cancel_source> sources(1);
        int taken = 0;
        int refused = 0;
        auto receiver = go([&] {
            for (auto&& source : sources) {
                const cancel_scope scope{source.token()};
                try {
                    values.recv();
                    ++taken;
                } catch (const cancelled&) {
                    ++refused;
                }
            }
        });
        int given = 0;
        for (int i = 0; i < rounds; ++i) {
            const cancel_source source;
            sources.send(cancel_source(source));
            int v = i;
            if (values.try_send(std::move(v)) == channel_status::ok) ++given;
            source.cancel();
        }
        sources.close();
        receiver.join();
        EXPECT_EQ(taken, given);
        EXPECT_EQ(taken + refused, rounds);
    });
}

TEST_P(cancel_scope_, OpeningAndClosingRacesWithCancellation) {
    run([] {
        for (int i = 0; i < 300; ++i) {
            const cancel_source source;
            std::vector<fiber<void>> users;
            for (int k = 0; k < 6; ++k)
                users.push_back(go([&] {
                    for (;;) {
                        try {
                            const cancel_scope scope{source.token()};
                            const cancel_scope inner{source.token()};
                            yield();
                        } catch (const cancelled&) {
                            return;
                        }
                    }
                }));
            for (int k = 0; k < i % 5; ++k) yield();
            source.cancel();
            for (auto& each : users) each.join();
        }
    });
}

TEST(cancel_scope_death, ClosedInAnotherOrderEndsTheProgramWithAMessage) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            auto first = std::make_unique<cancel_scope>();
            auto second = std::make_unique<cancel_scope>();
            first.reset();
        },
        "cancel_scope: scopes are closed in another order");
}

} // namespace
} // namespace weft
