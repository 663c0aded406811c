// SPDX-License-Identifier: BSL-1.0
#include "channel/memory_model.hpp"

#include "support/actors.hpp"

#include <weft/channel.hpp>
#include <weft/select.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>

// The edges of channels and of select. What is none: memory_model_races_test.cpp.
namespace weft::test {
namespace {

using namespace std::chrono_literals;

template <std::size_t capacity>
void send_before_recv(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            ch.send(0);
        },
        [&] {
            ch.recv();
            EXPECT_EQ(data.get(), 1);
        });
}

// Each value is its own message.
template <std::size_t capacity>
void each_send_before_its_recv(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    std::array<plain, 8> data;
    together(
        kind,
        [&] {
            for (std::size_t i = 0; i < data.size(); ++i) {
                data[i].set(1);
                ch.send(static_cast<int>(i));
            }
            ch.close();
        },
        [&] {
            for (const int i : ch) EXPECT_EQ(data[static_cast<std::size_t>(i)].get(), 1);
        });
}

// The k-th receive, before the (k + capacity)-th send returns; of a rendezvous: before the k-th.
template <std::size_t capacity>
void recv_before_later_send(crew_of kind) {
    const channel<int> ch(capacity);
    std::array<plain, 8> data;
    together(
        kind,
        [&] {
            for (auto& one : data) {
                one.set(1);
                ch.recv();
            }
            for (std::size_t i = 0; i < capacity; ++i) ch.recv();
        },
        [&] {
            for (std::size_t i = 0; i < data.size() + capacity; ++i) {
                ch.send(0);
                if (i >= capacity) {
                    EXPECT_EQ(data[i - capacity].get(), 1);
                }
            }
        });
}

// Also if the later value is handed to a receiver that waits, and never lies in the place that was emptied.
void recv_before_later_send_that_is_handed_over(crew_of kind) {
    const channel<int> ch(1);
    plain data;
    std::atomic<bool> received{false};
    together(
        kind,
        [&] {
            until([&] { return ch.size() == 1; }); // a wait would give a thread edges of its own
            data.set(1);
            ch.recv();
            received.store(true, std::memory_order_relaxed);
        },
        [&] {
            until([&] { return received.load(std::memory_order_relaxed); });
            ch.recv();
        },
        [&] {
            ch.send(1);
            until([&] { return received.load(std::memory_order_relaxed) && receivers_waiting(ch) == 1; });
            ch.send(2);
            EXPECT_EQ(data.get(), 1);
        });
}

template <std::size_t capacity>
void close_before_recv(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    plain data;
    const auto receiver = [&] {
        EXPECT_FALSE(ch.recv());
        EXPECT_EQ(data.get(), 1);
    };
    together(kind, receiver, receiver, [&] {
        data.set(1);
        ch.close();
    });
}

template <std::size_t capacity>
void close_before_end_of_range(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    plain data;
    together(
        kind,
        [&] {
            ch.send(1);
            ch.send(2);
            data.set(1);
            ch.close();
        },
        [&] {
            int sum = 0;
            for (const int value : ch) sum += value;
            EXPECT_EQ(sum, 3);
            EXPECT_EQ(data.get(), 1);
        });
}

void close_before_try_recv(crew_of kind) {
    const channel<int> ch(1);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            ch.close();
        },
        [&] {
            int value = 0;
            wait_until([&] { return ch.try_recv(value) == channel_status::closed; });
            EXPECT_EQ(data.get(), 1);
        });
}

template <std::size_t capacity>
void send_before_try_recv(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            ch.send(0);
        },
        [&] {
            int value = 0;
            wait_until([&] { return ch.try_recv(value) == channel_status::ok; });
            EXPECT_EQ(data.get(), 1);
        });
}

void rendezvous_with_try_send(crew_of kind) {
    const channel<int> ch(0);
    plain there;
    plain back;
    together(
        kind,
        [&] {
            there.set(1);
            wait_until([&] { return ch.try_send(0) == channel_status::ok; });
            EXPECT_EQ(back.get(), 1);
        },
        [&] {
            back.set(1);
            ch.recv();
            EXPECT_EQ(there.get(), 1);
        });
}

template <std::size_t capacity>
void timed_send_before_timed_recv(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            while (ch.send_for(0, 20us) != channel_status::ok) {}
        },
        [&] {
            int value = 0;
            while (ch.recv_for(value, 20us) != channel_status::ok) {}
            EXPECT_EQ(data.get(), 1);
        });
}

// A channel of one as a lock: who has sent holds it, and lets it go by receiving.
void sending_as_locking(crew_of kind) {
    const channel<int> lock(1);
    plain count;
    const auto actor = [&] {
        for (int i = 0; i < 5; ++i) {
            lock.send(0);
            count.add(1);
            lock.recv();
        }
    };
    together(kind, actor, actor, actor);
    EXPECT_EQ(count.get(), 15);
}

// The other way round: who has received holds it.
void receiving_as_locking(crew_of kind) {
    const channel<int> lock(1);
    plain count;
    const auto actor = [&] {
        for (int i = 0; i < 5; ++i) {
            lock.recv();
            count.add(1);
            lock.send(0);
        }
    };
    lock.send(0);
    together(kind, actor, actor, actor);
    EXPECT_EQ(count.get(), 15);
}

void a_chain_of_channels(crew_of kind) {
    const channel<int> first(0);
    const channel<int> second(3);
    const channel<int> third(unbounded);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            first.send(0);
        },
        [&] { second.send(*first.recv()); }, [&] { third.send(*second.recv()); },
        [&] {
            third.recv();
            EXPECT_EQ(data.get(), 1);
        });
}

template <std::size_t capacity>
void send_before_select_recv(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    const channel<int> other(0);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            ch.send(7);
        },
        [&] {
            const int value = select(on_recv(ch, [](std::optional<int> got) { return got.value_or(0); }),
                on_recv(other, [](std::optional<int>) { return 0; }));
            EXPECT_EQ(value, 7);
            EXPECT_EQ(data.get(), 1);
        });
}

template <std::size_t capacity>
void select_send_before_recv(crew_of kind) {
    const channel<int> ch = make_channel<int>(capacity);
    const channel<int> other(0);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            select(on_send(ch, 7, [] {}), on_recv(other, [](std::optional<int>) {}));
        },
        [&] {
            EXPECT_EQ(ch.recv(), 7);
            EXPECT_EQ(data.get(), 1);
        });
}

void recv_before_select_send(crew_of kind) {
    const channel<int> ch(0);
    const channel<int> other(0);
    plain data;
    together(
        kind,
        [&] {
            select(on_send(ch, 7, [] {}), on_recv(other, [](std::optional<int>) {}));
            EXPECT_EQ(data.get(), 1);
        },
        [&] {
            data.set(1);
            EXPECT_EQ(ch.recv(), 7);
        });
}

void select_meets_select(crew_of kind) {
    const channel<int> ch(0);
    plain there;
    plain back;
    together(
        kind,
        [&] {
            there.set(1);
            select(on_send(ch, 7, [] {}));
            EXPECT_EQ(back.get(), 1);
        },
        [&] {
            back.set(1);
            select(on_recv(ch, [](std::optional<int>) {}));
            EXPECT_EQ(there.get(), 1);
        });
}

void close_before_select_recv(crew_of kind) {
    const channel<int> ch(0);
    const channel<int> other(0);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            ch.close();
        },
        [&] {
            select(on_recv(ch, [](std::optional<int> got) { EXPECT_FALSE(got); }),
                on_recv(other, [](std::optional<int>) {}));
            EXPECT_EQ(data.get(), 1);
        });
}

void select_as_an_only_try(crew_of kind) {
    const channel<int> ch(1);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            ch.send(0);
        },
        [&] {
            wait_until([&] {
                return select(
                    on_recv(ch, [](std::optional<int>) { return true; }), otherwise([] { return false; }));
            });
            EXPECT_EQ(data.get(), 1);
        });
}

void end_before_on_join(crew_of kind) {
    plain data;
    together(kind, [&] {
        auto child = go([&] { data.set(1); });
        select(on_join(child, [&](fiber<void>& ended) {
            EXPECT_EQ(data.get(), 1);
            ended.join();
        }));
    });
}

constexpr ordered_program ordered_programs[] = {
    {"SendBeforeRecv_0", send_before_recv<0>},
    {"SendBeforeRecv_1", send_before_recv<1>},
    {"SendBeforeRecv_3", send_before_recv<3>},
    {"SendBeforeRecv_unbounded", send_before_recv<no_limit>},
    {"EachSendBeforeItsRecv_0", each_send_before_its_recv<0>},
    {"EachSendBeforeItsRecv_1", each_send_before_its_recv<1>},
    {"EachSendBeforeItsRecv_3", each_send_before_its_recv<3>},
    {"EachSendBeforeItsRecv_unbounded", each_send_before_its_recv<no_limit>},
    {"RecvBeforeSendOfARendezvous", recv_before_later_send<0>},
    {"RecvBeforeLaterSend_1", recv_before_later_send<1>},
    {"RecvBeforeLaterSend_3", recv_before_later_send<3>},
    {"RecvBeforeLaterSendThatIsHandedOver", recv_before_later_send_that_is_handed_over},
    {"CloseBeforeRecv_0", close_before_recv<0>},
    {"CloseBeforeRecv_3", close_before_recv<3>},
    {"CloseBeforeRecv_unbounded", close_before_recv<no_limit>},
    {"CloseBeforeEndOfRange_0", close_before_end_of_range<0>},
    {"CloseBeforeEndOfRange_1", close_before_end_of_range<1>},
    {"CloseBeforeEndOfRange_unbounded", close_before_end_of_range<no_limit>},
    {"CloseBeforeTryRecv", close_before_try_recv},
    {"SendBeforeTryRecv_0", send_before_try_recv<0>},
    {"SendBeforeTryRecv_1", send_before_try_recv<1>},
    {"RendezvousWithTrySend", rendezvous_with_try_send},
    {"TimedSendBeforeTimedRecv_0", timed_send_before_timed_recv<0>},
    {"TimedSendBeforeTimedRecv_1", timed_send_before_timed_recv<1>},
    {"SendingAsLocking", sending_as_locking},
    {"ReceivingAsLocking", receiving_as_locking},
    {"AChainOfChannels", a_chain_of_channels},
    {"SendBeforeSelectRecv_0", send_before_select_recv<0>},
    {"SendBeforeSelectRecv_1", send_before_select_recv<1>},
    {"SelectSendBeforeRecv_0", select_send_before_recv<0>},
    {"SelectSendBeforeRecv_1", select_send_before_recv<1>},
    {"RecvBeforeSelectSend", recv_before_select_send},
    {"SelectMeetsSelect", select_meets_select},
    {"CloseBeforeSelectRecv", close_before_select_recv},
    {"SelectAsAnOnlyTry", select_as_an_only_try},
    {"EndBeforeOnJoin", end_before_on_join},
};

using ChannelsOrder = ordered;
INSTANTIATE_TEST_SUITE_P(Programs, ChannelsOrder,
    ::testing::Combine(::testing::ValuesIn(ordered_programs), crew_settings()), name_of_ordered);
TEST_P(ChannelsOrder, WhatTheModelPromises) { silent_and_right(); }

} // namespace
} // namespace weft::test
