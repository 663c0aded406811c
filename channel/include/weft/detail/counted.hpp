// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

// Objects that live as long as somebody refers to them.
namespace weft::detail {

class [[gnu::visibility("default")]] counted {
public:
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
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
    counted_ref& operator=(const counted_ref& other) noexcept { return *this = counted_ref(other); }
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

// A value that many may look at at the same time, outside of any lock.
class [[gnu::visibility("default")]] shared_value : public counted {
public:
    // Moves *from, a T, in. If that throws, both are as before.
    virtual void load(void* from) = 0;
};

template <class T>
class shared_value_of final : public shared_value {
public:
    void load(void* from) override { value_.emplace(std::move(*static_cast<T*>(from))); }

    // Loaded.
    T& get() noexcept { return *value_; } // NOLINT(bugprone-unchecked-optional-access)

private:
    std::optional<T> value_;
};

} // namespace weft::detail
