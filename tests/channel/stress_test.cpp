// SPDX-License-Identifier: BSL-1.0
#include "fiber/sanitizer_fiber.hpp"
#include "support/actors.hpp"

#include <weft/backend/rng.hpp>
#include <weft/select.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

// select x close x cancel x timeout: whatever happens to an operation, a value that was sent is received exactly once, and one
// that was not sent never. 2 million operations over all settings, a tenth of them under a sanitizer; WEFT_STRESS=N: N times as many.
namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr bool sanitized = sanitized_thread || sanitized_address;
constexpr int operations =
    (sanitized ? 200'000 : 2'000'000) / static_cast<int>(std::size(test::all_settings));
constexpr int operations_a_round = 4'000;
constexpr int actors_at_once = 8;

struct tally {
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> sum{0};

    void add(std::uint64_t value) {
        count.fetch_add(1, std::memory_order_relaxed);
        sum.fetch_add(
            value * value, std::memory_order_relaxed); // tells a doubled value and a lost one from two others
    }
};

// Move-only, so that a value which is in two places at a time does not compile, and one that is freed twice is seen.
using item = std::unique_ptr<std::uint64_t>;

class round_of_operations {
public:
    explicit round_of_operations(const test::setting& where, std::uint64_t seed)
        : seed_(seed),
          cancels_(!where.threads()) {}

    void run() {
        test::actors all;
        for (int i = 0; i < actors_at_once; ++i)
            all.start([this, random = rng(seed_ + static_cast<std::uint64_t>(i))]() mutable { act(random); });
        all.join();
        for (const auto& each : channels_)
            for (auto&& left : each) received_.add(*left);
        EXPECT_EQ(sent_.count, received_.count);
        EXPECT_EQ(sent_.sum, received_.sum);
        EXPECT_GT(sent_.count, operations_a_round / 20U); // they do meet
        for (const auto& each : channels_) {
            EXPECT_EQ(test::receivers_waiting(each), 0U);
            EXPECT_EQ(test::senders_waiting(each), 0U);
        }
    }

private:
    void act(rng& random) {
        while (taken_.fetch_add(1, std::memory_order_relaxed) < operations_a_round) operate(random);
        close_one(random); // all are closed in the end: there are more actors than channels
        for (std::size_t i = 0; i < channels_.size(); ++i) close_one(random);
    }

    void close_one(rng&) {
        const std::size_t next = closed_.fetch_add(1);
        if (next < channels_.size()) channels_[next].close();
    }

    const channel<item>& any(rng& random) const { return channels_[random.below(4)]; }
    item make() {
        return std::make_unique<std::uint64_t>(next_value_.fetch_add(1, std::memory_order_relaxed));
    }
    auto got() {
        return [this](std::optional<item> value) {
            if (value) received_.add(**value);
        };
    }
    auto gave(std::uint64_t value) {
        return [this, value] { sent_.add(value); };
    }

    void operate(rng& random) {
        const auto patience = std::chrono::microseconds(random.below(30));
        item mine = make();
        const std::uint64_t value = *mine;
        bool sent = false;
        const auto note = [&] {
            sent_.add(value);
            sent = true;
        };
        try {
            switch (random.below(cancels_ ? 8 : 7)) {
            case 0:
                select(on_send(any(random), mine, note), on_recv(any(random), got()),
                    on_timeout(patience, [] {}));
                break;
            case 1:
                select(on_recv(any(random), got()), on_recv(any(random), got()), on_recv(any(random), got()),
                    otherwise([] {}));
                break;
            case 2:
                select_biased(on_send(any(random), mine, note), on_recv(any(random), got()),
                    on_timeout(patience, [] {}));
                break;
            case 3:
                if (any(random).send_for(std::move(mine), patience) == channel_status::ok) note();
                break;
            case 4: {
                item value_got;
                if (any(random).recv_for(value_got, patience) == channel_status::ok)
                    received_.add(*value_got);
                break;
            }
            case 5:
                if (any(random).try_send(std::move(mine)) == channel_status::ok) note();
                break;
            case 6: {
                item value_got;
                if (any(random).try_recv(value_got) == channel_status::ok) received_.add(*value_got);
                if (random.below(operations_a_round) == 0) close_one(random);
                break;
            }
            default: be_cancelled(random); break;
            }
        } catch (const channel_closed&) {}
        EXPECT_EQ(mine == nullptr, sent); // NOLINT(bugprone-use-after-move): that is what is tested
    }

    void be_cancelled(rng& random) {
        const channel<item>& to = any(random);
        const channel<item>& from = any(random);
        const bool selects = random.below(2) == 0;
        auto victim = go([&, this] {
            item mine = make();
            const std::uint64_t value = *mine;
            bool sent = false;
            const auto note = [&] {
                sent_.add(value);
                sent = true;
            };
            try {
                if (selects) {
                    select(on_send(to, mine, note), on_recv(from, got()));
                } else {
                    to.send(std::move(mine));
                    note();
                }
            } catch (const channel_closed&) {
            } catch (const cancelled&) {}
            EXPECT_EQ(mine == nullptr, sent); // NOLINT(bugprone-use-after-move)
        });
        if (random.below(2) == 0) yield();
        victim.cancel();
        victim.join();
    }

    const std::array<channel<item>, 4> channels_{
        channel<item>(0), channel<item>(1), channel<item>(3), channel<item>(unbounded)};
    const std::uint64_t seed_;
    const bool cancels_;
    std::atomic<int> taken_{0};
    std::atomic<std::size_t> closed_{0};
    std::atomic<std::uint64_t> next_value_{1};
    tally sent_;
    tally received_;
};

class ChannelStress : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(
    Settings, ChannelStress, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

TEST_P(ChannelStress, EachValueSentIsReceivedOnce) {
    const std::uint64_t seed = rng::root_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    run([seed] {
        for (std::uint64_t i = 0;
            i < static_cast<std::uint64_t>(operations / operations_a_round * test::stress_factor()); ++i) {
            round_of_operations(GetParam(), seed + 1000 * i).run();
            if (::testing::Test::HasFailure()) break;
        }
    });
}

} // namespace
} // namespace weft
