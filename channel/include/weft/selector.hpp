// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/select.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

// A select whose cases are known only when the program runs. Cases are added once and stay until clear(), so that a loop may
// select again and again; select() allocates nothing. Rules as for weft::select. Used by one fiber or thread at a time; handles
// are copied, and a case on_send keeps a copy of its value, of which each send sends another one.
class selector {
public:
    selector() = default;
    selector(const selector&) = delete;
    selector& operator=(const selector&) = delete;

    // handler(std::optional<T>)
    template <class Channel, class Handler>
    void on_recv(const Channel& from, Handler handler) {
        add([&] { return weft::on_recv(Channel(from), std::move(handler)); });
    }
    template <class Channel, class Handler>
    void on_send(const Channel& to, const typename Channel::value_type& value, Handler handler) {
        using T = typename Channel::value_type;
        static_assert(std::is_copy_constructible_v<T>, "a selector sends copies of the value it keeps");
        using case_of = detail::send_case<T, T, Handler>;
        adopt(std::make_unique<sending<T, case_of>>(
            value, [&] { return case_of(Channel(to), T(value), std::move(handler)); }));
    }
    // handler(); counted anew at each select().
    template <class Rep, class Period, class Handler>
    void on_timeout(std::chrono::duration<Rep, Period> duration, Handler handler) {
        add([&] { return weft::on_timeout(duration, std::move(handler)); });
    }
    template <class Handler>
    void on_timeout(clock::time_point time, Handler handler) {
        add([&] { return weft::on_timeout(time, std::move(handler)); });
    }
    // handler(). A second one: std::logic_error.
    template <class Handler>
    void otherwise(Handler handler) {
        if (otherwise_ != none) throw std::logic_error("weft::selector::otherwise: there is one already");
        add([&] { return weft::otherwise(std::move(handler)); });
        otherwise_ = entries_.size() - 1;
    }
    // Any case: make() gives it, as in add([&] { return weft::on_join(fiber, handler); }).
    template <class Make>
    void add(Make make) {
        adopt(std::make_unique<of<std::invoke_result_t<Make&>>>(make));
    }

    void clear() noexcept {
        entries_.clear();
        sources_.clear();
        order_.clear();
        otherwise_ = none;
    }
    std::size_t size() const noexcept { return entries_.size(); }

    // Lets one case happen, calls its handler and gives its number, in the order added. What the handler returns is dropped.
    std::size_t select() { return among(false); }
    std::size_t select_biased() { return among(true); }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    struct entry {
        virtual ~entry() = default;
        virtual source* as_source() noexcept = 0;
        virtual void prepare() {}
        virtual void consider(detail::earliest&, unsigned) const noexcept {}
        virtual void run() = 0;
    };
    template <class Case>
    struct of : entry {
        template <class Make>
        explicit of(Make& make) : one(make()) {}
        source* as_source() noexcept override { return detail::source_of(one); }
        void consider(detail::earliest& timeout, unsigned at) const noexcept override {
            timeout.consider(one, at);
        }
        void run() override { static_cast<void>(one.run()); }
        Case one;
    };
    template <class T, class Case>
    struct sending final : of<Case> {
        template <class Make>
        sending(const T& value, Make make) : of<Case>(make),
                                             original(value) {}
        void prepare() override { this->one.refill(original); }
        const T original;
    };

    void adopt(std::unique_ptr<entry> made) {
        if (entries_.size() == detail::most_cases)
            throw std::length_error(
                "weft::selector: more than " + std::to_string(detail::most_cases) + " cases");
        order_.resize(2 * (entries_.size() + 1));
        sources_.reserve(entries_.size() + 1);
        entries_.push_back(std::move(made));
        sources_.push_back(entries_.back()->as_source());
    }

    std::size_t among(bool first_in_order) {
        detail::earliest timeout;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            entries_[i]->prepare();
            entries_[i]->consider(timeout, static_cast<unsigned>(i));
        }
        const unsigned happened =
            detail::select_one({sources_, order_, first_in_order, otherwise_ == none, timeout.deadline});
        const std::size_t chosen = happened == detail::nothing_ready ? otherwise_
            : happened == detail::deadline_passed                    ? timeout.index
                                                                     : happened;
        entries_[chosen]->run();
        return chosen;
    }

    std::vector<std::unique_ptr<entry>> entries_;
    std::vector<source*> sources_;
    std::vector<std::uint16_t> order_;
    std::size_t otherwise_ = none;
};

} // namespace weft
