// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "poller/registration.hpp"
#include "poller/system_poller.hpp"

#include <cstddef>

namespace weft::net {

// One call on one direction of a descriptor: gets in, has the turn, goes.
class turn {
public:
    turn(registration* of, flow direction) noexcept : of_(of), direction_(direction) {}
    ~turn() {
        if (taken_) of_->leave(direction_);
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

    // outcome::done, or why there is no turn to be had. A cancellation point.
    long take() {
        cancellation_point();
        const long result = of_ == nullptr ? outcome::closed : of_->enter(direction_);
        taken_ = result == outcome::done;
        return result;
    }

    // Calls attempt(), a system call, until it gives something else than -EAGAIN, and waits between the
    // attempts. `asked` is the number of bytes that attempt() asks for; 0: its results say nothing about what
    // is left. A cancellation point.
    template <class Attempt>
    long perform(std::size_t asked, Attempt attempt) {
        count_operation();
        for (;;) {
            if (of_->expired(direction_)) return outcome::of(errc::deadline_exceeded);
            const registration::edge_count seen = of_->edges(direction_);
            const bool bytes_before_errors = direction_ == flow::in && asked > 0;
            if (!bytes_before_errors) {
                if (const int error = error_taken(); error != 0) return -error;
            }
            if (!of_->known_drained(direction_, seen)) {
                // One that is told later may have bytes before it, which have not been looked for.
                const bool error_told = has_error();
                const long result = attempt();
                if (result <= 0 && bytes_before_errors && error_told) {
                    // EPIPE: the reset came behind the end, of which a read tells.
                    const int error = error_taken();
                    if (error != 0 && !(result == 0 && error == EPIPE)) return -error;
                }
                if (result > 0 && static_cast<std::size_t>(result) < asked) of_->note_short(direction_, seen);
                if (result != -EAGAIN && !in_doubt(result, asked)) return result;
                of_->set_drained(direction_, seen);
            }
            if (const long result = of_->await_edge(direction_, seen); result != outcome::done) return result;
        }
    }

    registration& target() const noexcept { return *of_; }

private:
    bool has_error() const noexcept { return poller_takes_errors && of_->has_error(); }
    int error_taken() const noexcept { return poller_takes_errors ? of_->take_error() : 0; }
    bool in_doubt(long result, std::size_t asked) const noexcept {
        return poller_takes_errors && result == 0 && asked > 0 && direction_ == flow::in &&
            of_->end_in_doubt();
    }

    registration* of_;
    flow direction_;
    bool taken_ = false;
};

// A short call that needs no turn: an option, a name.
class visit {
public:
    explicit visit(registration* of) noexcept
        : of_(of),
          result_(of == nullptr ? outcome::closed : of->enter()) {}
    ~visit() {
        if (result_ == outcome::done) of_->leave();
    }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;

    long result() const noexcept { return result_; }

private:
    registration* of_;
    long result_;
};

} // namespace weft::net
