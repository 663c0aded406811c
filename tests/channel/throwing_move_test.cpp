// SPDX-License-Identifier: BSL-1.0
#include "support/actors.hpp"

#include <weft/channel.hpp>
#include <weft/selector.hpp>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::actors, test::until, test::receivers_waiting, test::senders_waiting;

struct move_failed : std::runtime_error {
    move_failed() : std::runtime_error("a move failed") {}
};

// Its moves throw while the number of those allowed is used up; a failed one leaves its source as it was.
struct fragile {
    static inline std::atomic<int> moves_allowed{0};
    static inline std::atomic<int> alive{0};
    static void may_move() {
        if (moves_allowed.load() <= 0) throw move_failed();
        --moves_allowed;
    }

    explicit fragile(int v) noexcept : value(v) { ++alive; }
    fragile(fragile&& other) : value((may_move(), other.value)) {
        other.value = -1;
        ++alive;
    }
    fragile& operator=(fragile&& other) {
        may_move();
        value = other.value;
        other.value = -1;
        return *this;
    }
    ~fragile() { --alive; }

    int value;
};

class ThrowingMove : public test::in_each_setting {
protected:
    void TearDown() override {
        in_each_setting::TearDown();
        EXPECT_EQ(fragile::alive, 0);
    }
};
INSTANTIATE_TEST_SUITE_P(
    Settings, ThrowingMove, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

void allow(int moves) { fragile::moves_allowed = moves; }

TEST_P(ThrowingMove, IntoTheBufferLeavesTheValueWithTheSender) {
    run([] {
        const channel<fragile> ch(2);
        fragile mine(5);
        allow(0);
        EXPECT_THROW(ch.send(std::move(mine)), move_failed);
        EXPECT_THROW(static_cast<void>(ch.try_send(std::move(mine))), move_failed);
        EXPECT_EQ(mine.value, 5); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(ch.size(), 0U);
        allow(1);
        ch.send(std::move(mine));
        EXPECT_EQ(ch.size(), 1U);
        allow(1);
        EXPECT_EQ(ch.recv()->value, 5);
    });
}

TEST_P(ThrowingMove, OutOfTheBufferLeavesTheValueInTheChannel) {
    run([] {
        const channel<fragile> ch(2);
        allow(2);
        ch.send(fragile(1));
        ch.send(fragile(2));
        allow(0);
        fragile target(9);
        EXPECT_THROW(ch.recv(), move_failed);
        EXPECT_THROW(static_cast<void>(ch.try_recv(target)), move_failed);
        EXPECT_THROW(static_cast<void>(ch.recv_for(target, 1h)), move_failed);
        EXPECT_THROW(select(on_recv(ch, [](auto&&) {})), move_failed);
        EXPECT_EQ(target.value, 9);
        EXPECT_EQ(ch.size(), 2U);
        allow(2);
        EXPECT_EQ(ch.recv()->value, 1);
        EXPECT_EQ(ch.try_recv(target), channel_status::ok);
        EXPECT_EQ(target.value, 2);
    });
}

TEST_P(ThrowingMove, ToAParkedReceiverThrowsToTheSenderAndTheReceiverGoesOnWaiting) {
    run([] {
        for (const std::size_t capacity : {0U, 1U}) {
            const channel<fragile> ch(capacity);
            allow(0);
            std::atomic<int> got{0};
            actors receivers;
            receivers.start([&] { got = ch.recv()->value; });
            until([&] { return receivers_waiting(ch) == 1; });
            fragile mine(5);
            EXPECT_THROW(ch.send(std::move(mine)), move_failed);
            EXPECT_EQ(mine.value, 5); // NOLINT(bugprone-use-after-move)
            until([&] { return receivers_waiting(ch) == 1; });
            EXPECT_EQ(got, 0);
            allow(1);
            ch.send(std::move(mine));
            receivers.join();
            EXPECT_EQ(got, 5);
        }
    });
}

TEST_P(ThrowingMove, FromAParkedSenderThrowsToTheReceiverAndTheSenderGoesOnWaiting) {
    run([] {
        const channel<fragile> ch(0);
        allow(0);
        actors senders;
        senders.start([&] {
            fragile mine(5);
            ch.send(std::move(mine));
        });
        until([&] { return senders_waiting(ch) == 1; });
        EXPECT_THROW(ch.recv(), move_failed);
        until([&] { return senders_waiting(ch) == 1; });
        allow(1);
        EXPECT_EQ(ch.recv()->value, 5);
    });
}

// The receive has its value; the sender that would have moved up tries for itself, and fails for itself.
TEST_P(ThrowingMove, OfASenderThatMovesUpThrowsToThatSender) {
    run([] {
        const channel<fragile> ch(1);
        allow(1);
        ch.send(fragile(1));
        std::atomic<bool> failed{false};
        actors senders;
        senders.start([&] {
            fragile mine(2);
            EXPECT_THROW(ch.send(std::move(mine)), move_failed);
            EXPECT_EQ(mine.value, 2); // NOLINT(bugprone-use-after-move)
            failed = true;
        });
        until([&] { return senders_waiting(ch) == 1; });
        allow(1);
        EXPECT_EQ(ch.recv()->value, 1);
        senders.join();
        EXPECT_TRUE(failed);
        EXPECT_EQ(ch.size(), 0U);
    });
}

TEST_P(ThrowingMove, ToAParkedSelectMakesItSelectAnew) {
    run([] {
        const channel<fragile> ch(0);
        const channel<fragile> other(0);
        allow(0);
        std::atomic<int> got{0};
        actors selecting;
        selecting.start([&] {
            select(on_recv(ch, [&](std::optional<fragile>&& v) { got = v->value; }),
                on_recv(other, [](auto&&) {}));
        });
        until([&] { return receivers_waiting(ch) == 1; });
        fragile mine(5);
        EXPECT_THROW(ch.send(std::move(mine)), move_failed);
        until([&] { return receivers_waiting(ch) == 1 && receivers_waiting(other) == 1; });
        allow(3);
        ch.send(std::move(mine));
        selecting.join();
        EXPECT_EQ(got, 5);
    });
}

// The peer that was claimed and got nothing is woken at once, not when the selector goes away.
TEST_P(ThrowingMove, FromAParkedSenderToASelector) {
    run([] {
        const channel<fragile> ch(0);
        allow(0);
        actors senders;
        senders.start([&] {
            fragile mine(5);
            ch.send(std::move(mine));
        });
        until([&] { return senders_waiting(ch) == 1; });
        selector s;
        int got = 0;
        s.on_recv(ch, [&](std::optional<fragile>&& v) { got = v->value; });
        EXPECT_THROW(s.select(), move_failed);
        until([&] { return senders_waiting(ch) == 1; });
        allow(3);
        s.select();
        EXPECT_EQ(got, 5);
    });
}

// --- unbounded: the soft limit and what is kept

TEST_P(ThrowingMove, TheSoftLimitIsToldOnceUntilHalfIsDrained) {
    run([] {
        std::vector<std::size_t> told;
        const channel<int> ch(unbounded, 10, [&](std::size_t waiting) { told.push_back(waiting); });
        for (int i = 0; i < 15; ++i) ch.send(i);
        EXPECT_EQ(told, std::vector<std::size_t>{11});
        for (int i = 0; i < 9; ++i) EXPECT_EQ(ch.recv(), i);
        for (int i = 0; i < 10; ++i) ch.send(i);
        EXPECT_EQ(told, std::vector<std::size_t>{11});
        while (ch.size() > 5) ch.recv();
        for (int i = 0; i < 6; ++i) ch.send(i);
        EXPECT_EQ(told, (std::vector<std::size_t>{11, 11}));
    });
}

} // namespace
} // namespace weft
