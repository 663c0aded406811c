// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/channel_error.hpp>
#include <weft/detail/awaited.hpp>
#include <weft/detail/shared_value.hpp>

#include <atomic>
#include <cstdint>

// The newest value of a watch, and its number. Protocol: awaited.hpp. A subscriber is ready if the number is not the one it has
// seen, or no other will come. Values are shared, and copied by get() outside of the lock.
namespace weft::detail {

class [[gnu::visibility("default")]] watch_state final : public publication {
public:
    explicit watch_state(counted_ref<shared_value> initial) noexcept : newest_(std::move(initial)) {}

    // Moves the T at `from` into the value, which is the newest from now on. Throws channel_closed.
    void send(counted_ref<shared_value> value, void* from);

    std::uint64_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
    // `seen` becomes the number of what is given.
    counted_ref<shared_value> newest(std::uint64_t& seen) noexcept;

    bool has_news(std::uint64_t seen) const noexcept { return version() != seen || closed(); }
    // ok: `seen` has become the newest one's. closed, or empty: it is the newest one's already.
    channel_status see(std::uint64_t& seen) noexcept;
    // ok, closed or timeout.
    channel_status wait_for_news(std::uint64_t& seen, clock::time_point deadline);

private:
    channel_status see_now(std::uint64_t& seen) const noexcept; // under the lock

    counted_ref<shared_value> newest_;
    std::atomic<std::uint64_t> version_{0}; // written under the lock
};

} // namespace weft::detail
