// SPDX-License-Identifier: BSL-1.0
#include "channel/memory_model.hpp"

#include <weft/broadcast.hpp>
#include <weft/channel.hpp>
#include <weft/oneshot.hpp>
#include <weft/time.hpp>
#include <weft/watch.hpp>

#include <chrono>
#include <optional>

// The edges of oneshot, watch, broadcast and timers, and what is none.
namespace weft::test {
namespace {

using namespace std::chrono_literals;

// --- ordered

void oneshot_send_before_recv(crew_of kind) {
    auto [tx, rx] = make_oneshot<int>();
    plain data;
    together(
        kind,
        [&, &sends = tx] {
            data.set(1);
            EXPECT_TRUE(sends.send(0));
        },
        [&, &receives = rx] {
            EXPECT_TRUE(receives.recv());
            EXPECT_EQ(data.get(), 1);
        });
}

void watch_send_before_changed(crew_of kind) {
    watch<int> value(0);
    plain data;
    auto first = value.subscribe();
    auto second = value.subscribe();
    const auto watcher = [&data](auto& sees) {
        return [&] {
            EXPECT_TRUE(sees.changed());
            EXPECT_EQ(sees.get(), 1);
            EXPECT_EQ(data.get(), 1);
        };
    };
    together(kind, watcher(first), watcher(second), [&] {
        data.set(1);
        value.send(1);
    });
}

void watch_send_before_get(crew_of kind) {
    watch<int> value(0);
    plain data;
    auto subscribed = value.subscribe();
    together(
        kind,
        [&] {
            data.set(1);
            value.send(1);
        },
        [&] {
            wait_until([&] { return subscribed.get() == 1; });
            EXPECT_EQ(data.get(), 1);
        });
}

void watch_close_before_changed(crew_of kind) {
    watch<int> value(0);
    plain data;
    auto subscribed = value.subscribe();
    together(
        kind,
        [&] {
            data.set(1);
            value.close();
        },
        [&] {
            EXPECT_FALSE(subscribed.changed());
            EXPECT_EQ(data.get(), 1);
        });
}

template <on_lag lag>
void broadcast_send_before_recv(crew_of kind) {
    broadcast<int> values(2, lag);
    plain data;
    auto first = values.subscribe();
    auto second = values.subscribe();
    const auto subscriber = [&data](auto& receives) {
        return [&] {
            EXPECT_EQ(receives.recv(), 7);
            EXPECT_EQ(data.get(), 1);
        };
    };
    together(kind, subscriber(first), subscriber(second), [&] {
        data.set(1);
        values.send(7);
    });
}

void broadcast_close_before_recv(crew_of kind) {
    broadcast<int> values(2, on_lag::block);
    plain data;
    auto subscribed = values.subscribe();
    together(
        kind,
        [&] {
            data.set(1);
            values.close();
        },
        [&] {
            EXPECT_FALSE(subscribed.recv());
            EXPECT_EQ(data.get(), 1);
        });
}

void after_func_before_its_call(crew_of kind) {
    plain there;
    plain back;
    const channel<int> called(0);
    together(kind, [&] {
        there.set(1);
        const timer one = after_func(1us, [&] {
            EXPECT_EQ(there.get(), 1);
            back.set(1);
            called.send(0);
        });
        called.recv();
        EXPECT_EQ(back.get(), 1);
    });
}

void reset_before_the_call(crew_of kind) {
    plain data;
    const channel<int> called(0);
    together(kind, [&] {
        const timer one = after_func(24h, [&] {
            EXPECT_EQ(data.get(), 1);
            called.send(0);
        });
        data.set(1);
        EXPECT_TRUE(one.reset(1us));
        called.recv();
    });
}

constexpr ordered_program ordered_programs[] = {
    {"OneshotSendBeforeRecv", oneshot_send_before_recv},
    {"WatchSendBeforeChanged", watch_send_before_changed},
    {"WatchSendBeforeGet", watch_send_before_get},
    {"WatchCloseBeforeChanged", watch_close_before_changed},
    {"BroadcastSendBeforeRecv_block", broadcast_send_before_recv<on_lag::block>},
    {"BroadcastSendBeforeRecv_drop", broadcast_send_before_recv<on_lag::drop_oldest>},
    {"BroadcastCloseBeforeRecv", broadcast_close_before_recv},
    {"AfterFuncBeforeItsCall", after_func_before_its_call},
    {"ResetBeforeTheCall", reset_before_the_call},
};

using SignalsOrder = ordered;
INSTANTIATE_TEST_SUITE_P(Programs, SignalsOrder,
    ::testing::Combine(::testing::ValuesIn(ordered_programs), crew_settings()), name_of_ordered);
TEST_P(SignalsOrder, WhatTheModelPromises) { silent_and_right(); }

// --- racy

void write_after_oneshot_send() {
    auto [tx, rx] = make_oneshot<int>();
    plain data;
    mark written;
    on_threads(
        [&, &sends = tx] {
            sends.send(0);
            data.set(1);
            written.set();
        },
        [&, &receives = rx] {
            receives.recv();
            written.wait();
            data.get();
        });
}

void write_after_watch_send() {
    watch<int> value(0);
    auto subscribed = value.subscribe();
    plain data;
    mark written;
    on_threads(
        [&] {
            value.send(1);
            data.set(1);
            written.set();
        },
        [&] {
            subscribed.changed();
            written.wait();
            data.get();
        });
}

// The one who watches has no edge to the one who sends.
void write_by_who_watches() {
    watch<int> value(0);
    auto subscribed = value.subscribe();
    plain data;
    mark written;
    on_threads(
        [&] {
            value.send(1);
            written.wait();
            data.get();
        },
        [&] {
            subscribed.changed();
            data.set(1);
            written.set();
        });
}

void write_after_broadcast_send() {
    broadcast<int> values(2, on_lag::block);
    auto subscribed = values.subscribe();
    plain data;
    mark written;
    on_threads(
        [&] {
            values.send(0);
            data.set(1);
            written.set();
        },
        [&] {
            subscribed.recv();
            written.wait();
            data.get();
        });
}

void subscribers_among_each_other() {
    broadcast<int> values(2, on_lag::block);
    auto first = values.subscribe();
    auto second = values.subscribe();
    values.send(0);
    plain data;
    mark received;
    mark written;
    on_threads(
        [&] {
            first.recv();
            received.set();
            written.wait();
            data.get();
        },
        [&] {
            received.wait();
            data.set(1);
            second.recv();
            written.set();
        });
}

void write_after_after_func() {
    plain data;
    mark written;
    mark read;
    const timer one = after_func(1us, [&] {
        written.wait();
        data.get();
        read.set();
    });
    data.set(1);
    written.set();
    read.wait();
}

constexpr racy_program racy_programs[] = {
    {"WriteAfterOneshotSend", write_after_oneshot_send},
    {"WriteAfterWatchSend", write_after_watch_send},
    {"WriteByWhoWatches", write_by_who_watches},
    {"WriteAfterBroadcastSend", write_after_broadcast_send},
    {"SubscribersAmongEachOther", subscribers_among_each_other},
    {"WriteAfterAfterFunc", write_after_after_func},
};

using SignalsRace = racy;
INSTANTIATE_TEST_SUITE_P(Programs, SignalsRace, ::testing::ValuesIn(racy_programs), name_of_racy);
TEST_P(SignalsRace, WhatTheModelDoesNotPromise) { reported(); }

} // namespace
} // namespace weft::test
