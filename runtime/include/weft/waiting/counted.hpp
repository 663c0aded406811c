// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

// Objects that live as long as somebody refers to them.
namespace weft {

class [[gnu::visibility("default")]] counted {
public:
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    // False: there is none any more, and it is about to be freed.
    bool try_add_reference() noexcept {
        std::size_t seen = references_.load(std::memory_order_relaxed);
        while (seen != 0)
            if (references_.compare_exchange_weak(
                    seen, seen + 1, std::memory_order_relaxed, std::memory_order_relaxed))
                return true;
        return false;
    }
    void drop_reference() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    // True: the caller's is the only one, and all that was done by way of the others happened before.
    bool referred_to_once() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

protected:
    counted() = default;
    virtual ~counted() = default;

private:
    std::atomic<std::size_t> references_{1};
};

template <class Counted>
class counted_ref {
public:
    counted_ref() noexcept = default;
    explicit counted_ref(Counted* adopted) noexcept : to_(adopted) {}
    counted_ref(const counted_ref& other) noexcept : to_(other.to_) {
        if (to_ != nullptr) to_->add_reference();
    }
    counted_ref(counted_ref&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
    // Two, not one by value: of `ref = {}`, clang 14 forgets to destroy the parameter.
    // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): it is copied first
    counted_ref& operator=(const counted_ref& other) noexcept {
        counted_ref copied(other);
        std::swap(to_, copied.to_);
        return *this;
    }
    counted_ref& operator=(counted_ref&& other) noexcept {
        counted_ref moved(std::move(other));
        std::swap(to_, moved.to_);
        return *this;
    }
    ~counted_ref() {
        if (to_ != nullptr) to_->drop_reference();
    }

    Counted* get() const noexcept { return to_; }
    Counted* operator->() const noexcept { return to_; }
    Counted& operator*() const noexcept { return *to_; }
    explicit operator bool() const noexcept { return to_ != nullptr; }

private:
    Counted* to_ = nullptr;
};

} // namespace weft
