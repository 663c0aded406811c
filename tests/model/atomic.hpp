// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "model/explorer.hpp"

#include <atomic>
#include <cstring>
#include <type_traits>

namespace weft::model {

// std::atomic as the templates of weft use it; each access is a step of the modelled thread. Read and written
// at once, not as a step, outside of modelled threads: while the program is made, and in its end().
template <class T>
class atomic {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));

public:
    atomic(T value = T()) : word_(all().add_word(bits(value))) {}
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(std::memory_order = std::memory_order_seq_cst) const noexcept {
        return access("load", [](T value) { return value; });
    }
    void store(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
        all().stop();
        all().learn(0);
        all().change(word_, "store", bits(value));
    }
    T exchange(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
        return access("exchange", [value](T) { return value; });
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order = std::memory_order_seq_cst,
        std::memory_order = std::memory_order_seq_cst) noexcept {
        const T wanted = expected;
        expected = access("CAS", [=](T value) { return value == wanted ? desired : value; });
        return expected == wanted;
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success = std::memory_order_seq_cst,
        std::memory_order failure = std::memory_order_seq_cst) noexcept {
        return compare_exchange_strong(expected, desired, success, failure);
    }
    T fetch_add(T more, std::memory_order = std::memory_order_seq_cst) noexcept {
        return access("add", [more](T value) { return static_cast<T>(value + more); });
    }
    T fetch_sub(T less, std::memory_order = std::memory_order_seq_cst) noexcept {
        return access("subtract", [less](T value) { return static_cast<T>(value - less); });
    }
    T fetch_or(T set, std::memory_order = std::memory_order_seq_cst) noexcept {
        return access("or", [set](T value) { return static_cast<T>(value | set); });
    }

    // No steps, and nothing is learnt: for wait_until() and for what only checks look at.
    T peek() const noexcept { return value(all().peek(word_)); }
    void poke(T value) noexcept { all().change(word_, "note", bits(value)); }

private:
    template <class Change>
    T access(const char* what, Change change) const noexcept {
        all().stop();
        const std::uint64_t before = all().peek(word_);
        all().learn(before);
        all().change(word_, what, bits(change(value(before))));
        return value(before);
    }
    static explorer& all() noexcept { return explorer::now(); }
    static std::uint64_t bits(T value) noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, &value, sizeof value);
        return word;
    }
    static T value(std::uint64_t word) noexcept {
        T found;
        std::memcpy(&found, &word, sizeof found);
        return found;
    }

    std::size_t word_;
};

// Unlocking is no step of its own: it commutes with everything but the locking that waits for it.
//
// What a spin_lock guards need not be atomic: whoever locks it has learnt all that the holders before had
// read. With a lock_of_known_data the program itself makes sure that atomics tell what is guarded, as soon as
// it is unlocked, and that a thread learns what it has found there; that makes fewer states.
template <bool KnownData>
class basic_lock {
public:
    void lock() noexcept {
        require(wait_until([this] { return (all().peek(word_) & held) == 0; }), "deadlock");
        if (!KnownData) all().learn(all().peek(word_));
        all().change(word_, "lock", held);
    }
    void unlock() noexcept { all().change(word_, "unlock", KnownData ? 0 : all().history() << 1); }

private:
    static constexpr std::uint64_t held = 1;
    static explorer& all() noexcept { return explorer::now(); }

    std::size_t word_ = all().add_word(0); // history of the last holder:63 | held
};

using spin_lock = basic_lock<false>;
using lock_of_known_data = basic_lock<true>;

} // namespace weft::model
