// SPDX-License-Identifier: BSL-1.0
#include "channel/memory_model.hpp"
#include "support/actors.hpp"

#include <weft/channel.hpp>
#include <weft/select.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>

// What is no edge of channels and of select. Those that are: memory_model_test.cpp.
//
// Two are missing, because ThreadSanitizer is silent about them. A value is moved straight into the frame of a receiver that is
// parked, or out of that of a sender that is: so whoever moves it is ordered after all that the parked one did before. Hence on a
// buffered channel, too, a receiver that came first happens before the send that serves it, and a sender that waits for room,
// before the receive that makes it.
namespace weft::test {
namespace {

using namespace std::chrono_literals;

template <std::size_t capacity>
void write_after_send() {
    const channel<int> ch = make_channel<int>(capacity);
    plain data;
    mark written;
    on_threads(
        [&] {
            ch.send(0);
            data.set(1);
            written.set();
        },
        [&] {
            ch.recv();
            written.wait();
            data.get();
        });
}

// The first value says nothing about what is written between it and the second.
void write_before_the_next_value() {
    const channel<int> ch(3);
    plain data;
    mark sent;
    on_threads(
        [&] {
            ch.send(1);
            data.set(1);
            ch.send(2);
            sent.set();
        },
        [&] {
            sent.wait();
            ch.recv();
            data.get();
        });
}

void write_after_recv_of_a_rendezvous() {
    const channel<int> ch(0);
    plain data;
    mark written;
    on_threads(
        [&] {
            ch.send(0);
            written.wait();
            data.get();
        },
        [&] {
            ch.recv();
            data.set(1);
            written.set();
        });
}

// A buffered send does not wait for its receiver.
void recv_before_its_own_buffered_send() {
    const channel<int> ch(1);
    plain data;
    mark sent;
    mark received;
    on_threads(
        [&] {
            ch.send(0);
            sent.set();
            received.wait();
            data.get();
        },
        [&] {
            sent.wait();
            data.set(1);
            ch.recv();
            received.set();
        });
}

// The k-th receive, relied upon by the (k + capacity - 1)-th send, which it happens to precede.
template <std::size_t capacity>
void recv_before_a_send_too_early() {
    const channel<int> ch(capacity);
    plain data;
    mark sent;
    mark received;
    on_threads(
        [&] {
            for (std::size_t i = 1; i < capacity; ++i) ch.send(0);
            sent.set();
            received.wait();
            ch.send(0);
            data.get();
        },
        [&] {
            sent.wait();
            data.set(1);
            ch.recv();
            received.set();
        });
}

// The same, by a send that was over before.
void recv_before_a_send_in_the_past() {
    const channel<int> ch(2);
    plain data;
    mark sent;
    mark received;
    on_threads(
        [&] {
            ch.send(0);
            ch.send(0);
            sent.set();
            received.wait();
            data.get();
        },
        [&] {
            sent.wait();
            data.set(1);
            ch.recv();
            received.set();
        });
}

// No receive makes room in an unbounded channel.
void recv_before_a_send_without_limit() {
    const channel<int> ch(unbounded);
    plain data;
    mark sent;
    mark received;
    on_threads(
        [&] {
            ch.send(0);
            ch.send(0);
            sent.set();
            received.wait();
            ch.send(0);
            data.get();
        },
        [&] {
            sent.wait();
            data.set(1);
            ch.recv();
            received.set();
        });
}

template <std::size_t capacity>
void write_after_close() {
    const channel<int> ch = make_channel<int>(capacity);
    plain data;
    mark written;
    on_threads(
        [&] {
            ch.close();
            data.set(1);
            written.set();
        },
        [&] {
            ch.recv();
            written.wait();
            data.get();
        });
}

// A buffered value that is received after the close is no word of the close.
void value_received_after_close() {
    const channel<int> ch(1);
    plain data;
    mark closed;
    on_threads(
        [&] {
            ch.send(0);
            data.set(1);
            ch.close();
            closed.set();
        },
        [&] {
            closed.wait();
            ch.recv();
            data.get();
        });
}

// Snapshots give no edge.
void closed_as_an_edge() {
    const channel<int> ch(1);
    plain data;
    on_threads(
        [&] {
            data.set(1);
            ch.close();
        },
        [&] {
            while (!ch.closed()) std::this_thread::yield();
            data.get();
        });
}

void size_as_an_edge() {
    const channel<int> ch(1);
    plain data;
    on_threads(
        [&] {
            data.set(1);
            ch.send(0);
        },
        [&] {
            while (ch.size() == 0) std::this_thread::yield();
            data.get();
        });
}

// Neither does an operation that did nothing.
void full_as_an_edge() {
    const channel<int> ch(1);
    plain data;
    on_threads(
        [&] {
            data.set(1);
            ch.send(0);
        },
        [&] {
            while (ch.size() == 0) std::this_thread::yield();
            if (ch.try_send(0) == channel_status::full) data.get();
        });
}

void empty_as_an_edge() {
    const channel<int> ch(1);
    plain data;
    mark received;
    ch.send(0);
    on_threads(
        [&] {
            data.set(1);
            ch.recv();
            received.set();
        },
        [&] {
            received.wait();
            int value = 0;
            if (ch.try_recv(value) == channel_status::empty) data.get();
        });
}

void timeout_as_an_edge() {
    const channel<int> ch(1);
    plain data;
    mark sent;
    on_threads(
        [&] {
            data.set(1);
            ch.send(0);
            sent.set();
        },
        [&] {
            sent.wait();
            if (ch.send_for(0, 1ms) == channel_status::timeout) data.get();
        });
}

void otherwise_as_an_edge() {
    const channel<int> ch(1);
    plain data;
    mark received;
    ch.send(0);
    on_threads(
        [&] {
            data.set(1);
            ch.recv();
            received.set();
        },
        [&] {
            received.wait();
            select(on_recv(ch, [](std::optional<int>) {}), otherwise([&] { data.get(); }));
        });
}

void select_timeout_as_an_edge() {
    const channel<int> ch(1);
    plain data;
    mark received;
    ch.send(0);
    on_threads(
        [&] {
            data.set(1);
            ch.recv();
            received.set();
        },
        [&] {
            received.wait();
            select(on_recv(ch, [](std::optional<int>) {}), on_timeout(1ms, [&] { data.get(); }));
        });
}

void senders_among_each_other() {
    const channel<int> ch(3);
    plain data;
    mark sent;
    on_threads(
        [&] {
            data.set(1);
            ch.send(1);
            sent.set();
        },
        [&] {
            sent.wait();
            ch.send(2);
            data.get();
        });
}

void receivers_among_each_other() {
    const channel<int> ch(3);
    plain data;
    mark received;
    ch.send(1);
    ch.send(2);
    on_threads(
        [&] {
            data.set(1);
            ch.recv();
            received.set();
        },
        [&] {
            received.wait();
            ch.recv();
            data.get();
        });
}

// The data of the one sender, and the value of the other.
void value_of_another_sender() {
    const channel<int> ch(3);
    plain data;
    mark first_sent;
    mark second_sent;
    on_threads(
        [&] {
            first_sent.wait();
            data.set(1);
            ch.send(2);
            second_sent.set();
        },
        [&] {
            ch.send(1);
            first_sent.set();
        },
        [&] {
            second_sent.wait();
            ch.recv();
            data.get();
        });
}

void value_of_another_channel() {
    const channel<int> ch(1);
    const channel<int> other(1);
    plain data;
    mark sent;
    on_threads(
        [&] {
            data.set(1);
            ch.send(0);
            sent.set();
        },
        [&] {
            sent.wait();
            other.send(0);
            other.recv();
            data.get();
        });
}

// A select has looked at all of its channels, but taken from one.
void case_not_chosen() {
    const channel<int> ch(1);
    const channel<int> other(1);
    plain data;
    mark sent;
    on_threads(
        [&] {
            data.set(1);
            other.send(0);
            sent.set();
        },
        [&] {
            ch.send(0);
            sent.wait();
            select_biased(on_recv(ch, [](std::optional<int>) {}), on_recv(other, [](std::optional<int>) {}));
            data.get();
        });
}

void write_after_select_send() {
    const channel<int> ch(0);
    plain data;
    mark written;
    on_threads(
        [&] {
            select(on_send(ch, 0, [] {}));
            data.set(1);
            written.set();
        },
        [&] {
            ch.recv();
            written.wait();
            data.get();
        });
}

void recv_before_its_own_buffered_select_send() {
    const channel<int> ch(1);
    plain data;
    mark sent;
    mark received;
    on_threads(
        [&] {
            select(on_send(ch, 0, [] {}));
            sent.set();
            received.wait();
            data.get();
        },
        [&] {
            sent.wait();
            data.set(1);
            ch.recv();
            received.set();
        });
}

constexpr racy_program racy_programs[] = {
    {"WriteAfterSend_0", write_after_send<0>},
    {"WriteAfterSend_1", write_after_send<1>},
    {"WriteAfterSend_unbounded", write_after_send<no_limit>},
    {"WriteBeforeTheNextValue", write_before_the_next_value},
    {"WriteAfterRecvOfARendezvous", write_after_recv_of_a_rendezvous},
    {"RecvBeforeItsOwnBufferedSend", recv_before_its_own_buffered_send},
    {"RecvBeforeASendTooEarly_2", recv_before_a_send_too_early<2>},
    {"RecvBeforeASendTooEarly_3", recv_before_a_send_too_early<3>},
    {"RecvBeforeASendInThePast", recv_before_a_send_in_the_past},
    {"RecvBeforeASendWithoutLimit", recv_before_a_send_without_limit},
    {"WriteAfterClose_0", write_after_close<0>},
    {"WriteAfterClose_1", write_after_close<1>},
    {"ValueReceivedAfterClose", value_received_after_close},
    {"ClosedAsAnEdge", closed_as_an_edge},
    {"SizeAsAnEdge", size_as_an_edge},
    {"FullAsAnEdge", full_as_an_edge},
    {"EmptyAsAnEdge", empty_as_an_edge},
    {"TimeoutAsAnEdge", timeout_as_an_edge},
    {"OtherwiseAsAnEdge", otherwise_as_an_edge},
    {"SelectTimeoutAsAnEdge", select_timeout_as_an_edge},
    {"SendersAmongEachOther", senders_among_each_other},
    {"ReceiversAmongEachOther", receivers_among_each_other},
    {"ValueOfAnotherSender", value_of_another_sender},
    {"ValueOfAnotherChannel", value_of_another_channel},
    {"CaseNotChosen", case_not_chosen},
    {"WriteAfterSelectSend", write_after_select_send},
    {"RecvBeforeItsOwnBufferedSelectSend", recv_before_its_own_buffered_select_send},
};

using ChannelsRace = racy;
INSTANTIATE_TEST_SUITE_P(Programs, ChannelsRace, ::testing::ValuesIn(racy_programs), name_of_racy);
TEST_P(ChannelsRace, WhatTheModelDoesNotPromise) { reported(); }

} // namespace
} // namespace weft::test
