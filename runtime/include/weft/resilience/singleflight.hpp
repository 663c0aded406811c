// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/is_cancellation.hpp>
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/waiting/waiter.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

namespace weft {

namespace detail {

[[noreturn, gnu::visibility("default")]] void throw_flies_already();

// The calls that share one result.
template <class Value>
struct flight {
    const waiter* leader = nullptr; // who runs its function; nobody: the next that comes or wakes
    std::size_t waiting = 0;
    bool ended = false;
    std::optional<Value> value;
    std::exception_ptr failure;
    condition_variable changed;
};

} // namespace detail

// Of concurrent calls with an equal key one does the work, and all share what comes of it. Nothing is kept: once the work has ended,
// the next call does it again. For fibers and plain threads; thread-safe. To be destroyed while no call is under way. Happens before:
// the work, and the return of every call that shares it.
//
// Protocol. The key of a flight is in the map from its first call until it has ended, is forgotten, or has nobody left. lock_ guards the
// map and all of each flight; once it has ended, its result changes no more and is read without the lock. Each call has a share of the
// flight, and the last one frees it.
template <class K, class V, class Hash = std::hash<K>, class Equal = std::equal_to<K>>
class singleflight {
    static_assert(std::is_void_v<V> || std::copy_constructible<V>, "each caller is given a copy");
    using value_type = std::conditional_t<std::is_void_v<V>, std::monostate, V>;
    using flight = detail::flight<value_type>;

public:
    singleflight() = default;
    singleflight(const singleflight&) = delete;
    singleflight& operator=(const singleflight&) = delete;

    // Runs f, unless a call with this key is under way: then waits for that one. Gives a copy of the result, or rethrows the exception
    // (the same object for all), timed_out included. Blocks the calling fiber or thread; waiting is a cancellation point, and who is
    // cancelled just leaves. If the call that runs its f ends by `cancelled` (not timed_out), that is its own affair: one of those who
    // wait runs its own f instead. Throws std::logic_error if it is called with the same key from within f.
    template <class F>
        requires(std::invocable<F> && (std::is_void_v<V> || std::convertible_to<std::invoke_result_t<F>, V>))
    V run(const K& key, F&& f) {
        const std::shared_ptr<flight> shared = join(key);
        if (!shared->ended) lead(key, shared, std::forward<F>(f));
        if (shared->failure) std::rethrow_exception(shared->failure);
        if constexpr (!std::is_void_v<V>) return *std::as_const(shared->value);
    }

    // Calls from now on do not share what is under way. Does not wait for it.
    void forget(const K& key) {
        const std::lock_guard guard(lock_);
        flights_.erase(key);
    }

private:
    // The flight of this key; either it has ended, or the caller leads it.
    std::shared_ptr<flight> join(const K& key) {
        const waiter* const me = &this_waiter();
        std::unique_lock guard(lock_);
        const auto found = flights_.find(key);
        const std::shared_ptr<flight> shared = found != flights_.end()
            ? found->second
            : flights_.emplace(key, std::make_shared<flight>()).first->second;
        if (shared->leader == me) detail::throw_flies_already();
        ++shared->waiting;
        try {
            shared->changed.wait(guard, [&] { return shared->ended || shared->leader == nullptr; });
        } catch (...) {
            --shared->waiting;
            remove_if_left(key, shared);
            throw;
        }
        --shared->waiting;
        if (!shared->ended) shared->leader = me;
        return shared;
    }

    template <class F>
    void lead(const K& key, const std::shared_ptr<flight>& shared, F&& f) {
        std::exception_ptr failure;
        try {
            if constexpr (std::is_void_v<V>) {
                std::invoke(std::forward<F>(f));
                shared->value.emplace();
            } else {
                shared->value.emplace(std::invoke(std::forward<F>(f)));
            }
        } catch (...) {
            failure = std::current_exception();
        }
        const bool lead_by_another = failure && detail::is_cancellation(failure);
        {
            const std::lock_guard guard(lock_);
            shared->leader = nullptr;
            if (lead_by_another) {
                shared->changed.notify_one();
                remove_if_left(key, shared);
            } else {
                shared->failure = failure;
                shared->ended = true;
                shared->changed.notify_all();
                remove(key, shared);
            }
        }
        if (lead_by_another) std::rethrow_exception(failure);
    }

    void remove_if_left(const K& key, const std::shared_ptr<flight>& shared) {
        if (shared->leader == nullptr && shared->waiting == 0) remove(key, shared);
    }
    // Unless it was forgotten, and another one may have begun.
    void remove(const K& key, const std::shared_ptr<flight>& shared) {
        const auto found = flights_.find(key);
        if (found != flights_.end() && found->second == shared) flights_.erase(found);
    }

    mutex lock_;
    std::unordered_map<K, std::shared_ptr<flight>, Hash, Equal> flights_;
};

} // namespace weft
