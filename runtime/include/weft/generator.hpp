// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/stack_error.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

template <class T>
class generator;

namespace detail {

class second_stack;

// A generator without its type; see runtime/generator/generator.cpp.
class [[gnu::visibility("default")]] generator_core {
public:
    generator_core(const generator_core&) = delete;
    generator_core& operator=(const generator_core&) = delete;
    virtual ~generator_core();

    // The consumer's. begin: up to the first value, without effect if it was begun.
    void begin();
    void advance();
    bool ended() const noexcept { return ended_; }
    void* value() const noexcept { return value_; }

    // The body's.
    void yield(void* value);

protected:
    explicit generator_core(std::size_t stack_size) noexcept : stack_size_(stack_size) {}
    // Unwinds the body, which must still exist.
    void stop() noexcept;

private:
    friend class second_stack;
    virtual void run() = 0;
    void run_to_end() noexcept;
    void resume();

    const std::size_t stack_size_;
    second_stack* stack_ = nullptr; // from begin() to the end of the body
    void* value_ = nullptr;
    std::exception_ptr failure_;
    bool inside_ = false; // the body runs
    bool ended_ = false;
    bool stopped_ = false;
};

[[noreturn, gnu::visibility("default")]] void throw_no_generator();

} // namespace detail

// What a generator's body calls to hand out a value: yield(value). Returns when the consumer asks for the next one. Throws
// std::logic_error if it is called from anywhere but the body's own stack; and an exception of its own, which derives from nothing,
// if the generator is destroyed: let it pass. Each further yield throws it again.
template <class T>
class generator_yield {
public:
    using value_type = std::remove_cvref_t<T>;
    using reference = std::conditional_t<std::is_reference_v<T>, T, T&&>;

    generator_yield(const generator_yield&) = delete;
    generator_yield& operator=(const generator_yield&) = delete;

    // The value is not copied: the consumer sees the object itself, while this call lasts.
    void operator()(reference value) const {
        core_.yield(const_cast<void*>(static_cast<const void*>(std::addressof(value))));
    }
    // A copy.
    void operator()(const value_type& value) const
        requires(!std::is_reference_v<T> && std::copy_constructible<value_type>)
    {
        value_type copy(value);
        (*this)(static_cast<T&&>(copy));
    }

private:
    friend class generator<T>;
    explicit generator_yield(detail::generator_core& core) noexcept : core_(core) {}
    detail::generator_core& core_;
};

// A function that hands out values one by one, as a range: std::ranges::input_range, to be gone through once.
//
//     generator<int> numbers([](auto& yield) { for (int i = 0;; ++i) yield(i); });
//     for (int number : numbers | std::views::take(10)) ...
//
// The body runs on a stack of its own, in the consumer's fiber (or thread): while it waits, so does the consumer; this_fiber and
// cancellation are the consumer's, and each step may be asked for by another fiber or thread, of any runtime. It may call other
// functions with `yield`, and go through other generators. A step costs two switches of the stack and no scheduling. A cancel_scope,
// with_timeout or task_group must not be open in it across a yield, nor a lock of a thread be held.
//
// *it is T&&, as std::generator's is: `for (auto value : g)` moves each value out. Of a generator<T&> it is the T& that was given to
// yield. It is valid until the next step.
//
// The body starts with the first begin(). What leaves it comes out of begin() or ++, and ends the range. A generator destroyed before
// its end unwinds its body: yield throws. Calls that block there are not cancelled, and what else leaves the body then is reported as
// an exception that nobody took. Not thread-safe; what one step did happens before the next. Move-only; iterators stay valid.
template <class T>
class [[nodiscard]] generator {
public:
    using yielder = const generator_yield<T>;
    using value_type = typename generator_yield<T>::value_type;
    using reference = typename generator_yield<T>::reference;

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = typename generator::value_type;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept = default;
        reference operator*() const noexcept {
            return static_cast<reference>(*static_cast<std::add_pointer_t<reference>>(core_->value()));
        }
        // To the next value, or the end. Blocks as long as the body does; throws what leaves it. Throws std::logic_error, and does
        // nothing, if it is called from within the body. At the end it has no effect.
        iterator& operator++() {
            core_->advance();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
            return at.core_->ended();
        }

    private:
        friend class generator;
        explicit iterator(detail::generator_core& core) noexcept : core_(&core) {}
        detail::generator_core* core_ = nullptr;
    };

    // body(yield), with yield a generator<T>::yielder&; it is copied or moved. stack_size: usable bytes; 0: 256 KiB. The stack is
    // taken by begin() and given back when the body ends.
    template <class Body>
        requires(!std::same_as<std::remove_cvref_t<Body>, generator> &&
            std::invocable<std::decay_t<Body>&, yielder&>)
    generator(Body&& body, std::size_t stack_size = 0) // NOLINT(google-explicit-constructor)
        : core_(std::make_unique<with_body<std::decay_t<Body>>>(std::forward<Body>(body), stack_size)) {}

    // The first value; later on, the one that it has come to. Runs the body as ++ does. Throws stack_unavailable, and may then be
    // called again; std::logic_error if the generator was moved from.
    iterator begin() {
        if (core_ == nullptr) detail::throw_no_generator();
        core_->begin();
        return iterator(*core_);
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    template <class Body>
    class with_body final : public detail::generator_core {
    public:
        template <class From>
        with_body(From&& body, std::size_t stack_size)
            : generator_core(stack_size),
              body_(std::forward<From>(body)) {}
        ~with_body() override { stop(); }

    private:
        void run() override {
            yielder yield(*this);
            std::invoke(body_, yield);
        }
        Body body_;
    };

    std::unique_ptr<detail::generator_core> core_;
};

} // namespace weft
