// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/cancelled.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/spin_lock.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

// Purpose. Things that are dear to make, connections mostly, lent to one at a time.
//
// Who may call. Any fiber or thread. A semaphore has a permit for each thing there may be; who has one takes an idle thing, or makes
// one if there is none: so idle and lent ones together are never more than the permits. A thing goes back before its permit does: who
// is given the permit finds it.
//
// Locks. lock_ guards the idle ones and the counts, and is held for a few instructions: things are made, checked and destroyed without
// it. Leases own a share of the store, which so outlives the pool.
namespace weft {

template <class T>
struct pool_options {
    std::size_t max = 1;               // how many there may be, idle and lent
    std::function<T()> make;           // may block and throw
    std::function<bool(T&)> healthy{}; // asked of an idle one before it is lent; empty: they all are
    clock::duration idle_timeout = clock::duration::max(); // what has been idle for so long is destroyed
};

struct pool_stats {
    std::size_t idle = 0;
    std::size_t lent = 0;
    std::uint64_t made = 0;      // since the pool was made
    std::uint64_t discarded = 0; // of these: by discard(), as unhealthy, or idle for too long
};

namespace detail {

// Throws std::invalid_argument, which names the field and its value.
[[gnu::visibility("default")]] void check_pool(std::size_t max, bool can_make, clock::duration idle_timeout);
[[noreturn, gnu::visibility("default")]] void throw_no_lease();

template <class T>
class pool_store {
public:
    struct entry {
        explicit entry(const std::function<T()>& make) : value(make()) {}
        T value;
        clock::time_point idle_since{};
    };
    using entries = std::list<entry>; // moved by splicing, which neither allocates nor throws

    explicit pool_store(pool_options<T> options) : options_(std::move(options)), places_(options_.max) {}

    counting_semaphore& places() noexcept { return places_; }

    // For who has a place: one thing, lent.
    entries lend() {
        for (;;) {
            entries one = take_idle();
            if (one.empty()) return make();
            try {
                if (is_healthy(one.front().value)) return one;
            } catch (...) {
                count_discarded();
                throw;
            }
            count_discarded();
        }
    }
    void give_back(entries& one) noexcept {
        entries expired;
        const std::lock_guard guard(lock_);
        --stats_.lent;
        if (closed_) return;
        take_expired(expired);
        one.front().idle_since = clock::now();
        idle_.splice(idle_.begin(), one);
    }
    void count_discarded() noexcept {
        const std::lock_guard guard(lock_);
        --stats_.lent;
        ++stats_.discarded;
    }
    void prune() noexcept {
        entries expired;
        const std::lock_guard guard(lock_);
        take_expired(expired);
    }
    void close() noexcept {
        entries all;
        const std::lock_guard guard(lock_);
        closed_ = true;
        all.swap(idle_);
    }
    pool_stats stats() const noexcept {
        const std::lock_guard guard(lock_);
        pool_stats now = stats_;
        now.idle = idle_.size();
        return now;
    }

private:
    // Lent, but not checked yet; none if there is none.
    entries take_idle() noexcept {
        entries one, expired; // what is here is destroyed after the lock is released
        const std::lock_guard guard(lock_);
        take_expired(expired);
        if (!idle_.empty()) {
            one.splice(one.begin(), idle_, idle_.begin());
            ++stats_.lent;
        }
        return one;
    }
    entries make() {
        entries one;
        one.emplace_back(options_.make);
        const std::lock_guard guard(lock_);
        ++stats_.made;
        ++stats_.lent;
        return one;
    }
    // Throws `cancelled` alone.
    bool is_healthy(T& value) {
        try {
            return !options_.healthy || options_.healthy(value);
        } catch (const timed_out&) {
            cancellation_point(); // the caller's deadline, or one of the check's own?
            return false;
        } catch (const cancelled&) {
            throw;
        } catch (...) {
            return false;
        }
    }
    void take_expired(entries& expired) noexcept {
        if (options_.idle_timeout == clock::duration::max()) return;
        const clock::time_point now = clock::now();
        while (!idle_.empty() && now - idle_.back().idle_since >= options_.idle_timeout) {
            expired.splice(expired.begin(), idle_, std::prev(idle_.end()));
            ++stats_.discarded;
        }
    }

    const pool_options<T> options_;
    counting_semaphore places_;
    mutable spin_lock lock_;
    entries idle_; // the one given back last is the first
    pool_stats stats_;
    bool closed_ = false;
};

} // namespace detail

// A bounded number of things that are lent. Fair: first come, first served. Used again is what was given back last, so that what is
// not needed grows old. For fibers and plain threads; thread-safe. Happens before: giving back, and the next lease of the same thing.
// To be destroyed while nobody waits for it; leases may live on, and what they hold is then destroyed when they end.
template <class T>
class pool {
    using store = detail::pool_store<T>;

public:
    // The right to use one of the things, until it is destroyed: then it goes back. Move-only; used by one fiber or thread at a time.
    class lease {
    public:
        lease() noexcept = default; // holds none
        lease(lease&& other) noexcept = default;
        lease& operator=(lease&& other) noexcept {
            lease(std::move(other)).swap(*this);
            return *this;
        }
        ~lease() {
            if (!one_.empty()) of_->give_back(one_);
        }

        // The thing; it stays where it is when the lease is moved. Not of a lease that holds none.
        T& operator*() const noexcept { return *value_; }
        T* operator->() const noexcept { return value_; }
        explicit operator bool() const noexcept { return !one_.empty(); }

        // Destroys the thing in place of giving it back; its place is free. Throws std::logic_error if the lease holds none.
        void discard() {
            if (one_.empty()) detail::throw_no_lease();
            of_->count_discarded();
            one_.clear();
            place_.release();
            of_.reset();
        }
        void swap(lease& other) noexcept {
            of_.swap(other.of_);
            place_.swap(other.place_);
            one_.swap(other.one_);
            std::swap(value_, other.value_);
        }

    private:
        friend class pool;
        lease(std::shared_ptr<store> of, permit place)
            : of_(std::move(of)),
              place_(std::move(place)),
              one_(of_->lend()),
              value_(&one_.front().value) {}

        std::shared_ptr<store> of_;
        permit place_; // given back after the thing
        typename store::entries one_;
        T* value_ = nullptr;
    };

    // Makes nothing yet. Throws std::invalid_argument, which names the field and its value, if max is 0, make is empty or idle_timeout
    // negative.
    explicit pool(pool_options<T> options) {
        detail::check_pool(options.max, static_cast<bool>(options.make), options.idle_timeout);
        store_ = std::make_shared<store>(std::move(options));
    }
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool() { store_->close(); }

    // Waits until there is one, or room for one, which is then made. Blocks the calling fiber or thread, as do `make` and `healthy` if
    // they like. A cancellation point. What make throws goes on, and the place is free. What is not healthy, or whose check throws, is
    // destroyed, and the next is looked at; but if the check ends by `cancelled`, the call does.
    lease acquire() { return {store_, permit(store_->places())}; }
    // If one is there, or room for one; does not wait for that, but for `make` and `healthy`, which may block and throw.
    std::optional<lease> try_acquire() { return lease_if(store_->places().try_acquire()); }
    // As acquire, but gives up at the deadline: nothing. The deadline does not hold for `make` and `healthy`; with_timeout does.
    template <class Rep, class Period>
    std::optional<lease> try_acquire_for(const std::chrono::duration<Rep, Period>& duration) {
        return lease_if(store_->places().try_acquire_for(duration));
    }
    template <class Clock, class Duration>
    std::optional<lease> try_acquire_until(const std::chrono::time_point<Clock, Duration>& deadline) {
        return lease_if(store_->places().try_acquire_until(deadline));
    }

    // Destroys those that have been idle for too long; so do acquire and giving back. Never blocks.
    void prune() noexcept { store_->prune(); }
    pool_stats stats() const noexcept { return store_->stats(); }

private:
    std::optional<lease> lease_if(bool has_place) {
        if (!has_place) return std::nullopt;
        return lease(store_, permit(store_->places(), std::adopt_lock));
    }

    std::shared_ptr<store> store_;
};

} // namespace weft
