// SPDX-License-Identifier: BSL-1.0
#include "support/history_rounds.hpp"
#include "support/sequential_models.hpp"

#include <weft/channel.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace weft::test {
namespace {

using ChannelLinearizability = history_rounds;
INSTANTIATE_TEST_SUITE_P(Workers, ChannelLinearizability, history_settings(), name_of_history_setting);

outcome outcome_of(channel_status status) {
    switch (status) {
    case channel_status::ok: return outcome::done;
    case channel_status::closed: return outcome::closed;
    case channel_status::full:
    case channel_status::empty:
    case channel_status::timeout: return outcome::not_now;
    }
    return outcome::unknown;
}

class channel_actor {
public:
    using operation = channel_operation;

    channel_actor(history_round<operation>& in, std::size_t number, channel<int> of)
        : in_(in),
          number_(number),
          channel_(std::move(of)) {}

    void turn(dice& random, unsigned senders_in_8) {
        const auto time = short_time(random);
        const auto how = random() % 4;
        if (random() % 100 == 0) return close();
        if (random() % 8 < senders_in_8) return how == 0 ? try_send() : how == 1 ? send_for(time) : send();
        if (how == 0) return try_recv();
        if (how == 1) return recv_for(time);
        recv();
    }

    void close() {
        in_.record(number_, operation{operation::close, "close"}, [&](operation&) {
            try {
                channel_.close();
            } catch (const channel_closed&) {
                return outcome::closed;
            }
            return outcome::done;
        });
    }
    // Gives whether there was one.
    bool recv() {
        bool received = false;
        in_.record(number_, operation{operation::recv, "recv"}, [&](operation& of) {
            const std::optional<int> value = channel_.recv();
            received = value.has_value();
            of.value = value.value_or(0);
            return value ? outcome::done : outcome::closed;
        });
        return received;
    }

private:
    template <class Send>
    void send_by(const char* spelling, Send send) {
        const int value = static_cast<int>(number_) * 100 + ++sent_;
        in_.record(
            number_, operation{operation::send, spelling, value}, [&](operation&) { return send(value); });
    }
    template <class Recv>
    void recv_by(const char* spelling, Recv recv) {
        in_.record(number_, operation{operation::recv, spelling},
            [&](operation& of) { return outcome_of(recv(of.value)); });
    }

    void send() {
        send_by("send", [&](int value) {
            try {
                channel_.send(value);
            } catch (const channel_closed&) {
                return outcome::closed;
            }
            return outcome::done;
        });
    }
    void try_send() {
        send_by("try_send", [&](int value) { return outcome_of(channel_.try_send(value)); });
    }
    void send_for(std::chrono::nanoseconds time) {
        send_by("send_for", [&](int value) { return outcome_of(channel_.send_for(value, time)); });
    }
    void try_recv() {
        recv_by("try_recv", [&](int& value) { return channel_.try_recv(value); });
    }
    void recv_for(std::chrono::nanoseconds time) {
        recv_by("recv_for", [&](int& value) { return channel_.recv_for(value, time); });
    }

    history_round<operation>& in_;
    const std::size_t number_;
    const channel<int> channel_;
    int sent_ = 0;
};

::testing::AssertionResult channel_round(crew_of kind, std::size_t capacity, unsigned seed) {
    const channel<int> all_share =
        capacity == channel_model::unbounded ? channel<int>(unbounded) : channel<int>(capacity);
    dice random = dice_from(seed);
    history_round<channel_operation> round(kind);
    for (std::size_t i = 0; i < round.actors; ++i)
        round.start(seed,
            [me = channel_actor(round, i, all_share), senders_in_8 = 1 + 2 * (random() % 4)](
                dice& own) mutable { me.turn(own, senders_in_8); });
    round.sometimes_cancel_one(random);
    round.watch(static_cast<int>(4 + random() % 24));
    channel_actor me(round, round.main_actor, all_share);
    me.close();
    round.join();
    while (me.recv()) {}
    const history<channel_operation> seen = round.seen();
    return capacity == 0 ? is_linearizable(with_exchanges(seen), rendezvous_model())
                         : is_linearizable(seen, channel_model(capacity));
}

TEST_P(ChannelLinearizability, Rendezvous) {
    every_round_is_explained([&](unsigned seed) { return channel_round(kind(), 0, seed); });
}

TEST_P(ChannelLinearizability, ChannelOfOne) {
    every_round_is_explained([&](unsigned seed) { return channel_round(kind(), 1, seed); });
}

TEST_P(ChannelLinearizability, ChannelOfThree) {
    every_round_is_explained([&](unsigned seed) { return channel_round(kind(), 3, seed); });
}

TEST_P(ChannelLinearizability, UnboundedChannel) {
    every_round_is_explained(
        [&](unsigned seed) { return channel_round(kind(), channel_model::unbounded, seed); });
}

} // namespace
} // namespace weft::test
