// SPDX-License-Identifier: BSL-1.0
#include "lock_of_the_closed.hpp"
#include "pipe_link.hpp"
#include "poller/outcome.hpp"

#include <weft/net/error.hpp>
#include <weft/net/pipe.hpp>

#include <mutex>

namespace weft::net {
namespace {

constexpr flow direction_of(bool writing) noexcept { return writing ? flow::out : flow::in; }

} // namespace

struct pipe_access {
    static pipe_link* entered(const pipe_stream& of) noexcept {
        if (of.link_ != nullptr) of.link_->enter();
        return of.link_;
    }
    static pipe_end end(const pipe_stream& of) noexcept { return of.end_; }
};

namespace detail {

pipe_readiness_source::pipe_readiness_source(const pipe_stream& of, bool writing) noexcept
    : pipe_readiness_source(pipe_access::entered(of), pipe_access::end(of), writing) {}

pipe_readiness_source::pipe_readiness_source(pipe_link* entered, pipe_end end, bool writing) noexcept
    : source(entered == nullptr ? &lock_of_the_closed : &entered->lock(),
          entered == nullptr ? rank_of_the_closed : entered->rank(), node_),
      of_(entered),
      end_(end),
      writing_(writing) {}

pipe_readiness_source::~pipe_readiness_source() {
    if (of_ != nullptr) of_->leave();
}

bool pipe_readiness_source::take() {
    const pipe_link::sight seen =
        of_ == nullptr ? pipe_link::sight::closed : of_->look(end_, direction_of(writing_));
    if (seen == pipe_link::sight::closed)
        throw_io_error(outcome::to_error_code(queued_ ? outcome::closed_meanwhile : outcome::closed),
            writing_ ? "on_writable" : "on_readable");
    return seen == pipe_link::sight::something;
}

// Whoever waited at the other end may have given up, or met somebody faster. If this end was closed, take() tells.
bool pipe_readiness_source::happened() const noexcept {
    const std::scoped_lock guard(of_->lock());
    return of_->look(end_, direction_of(writing_)) == pipe_link::sight::something;
}

void pipe_readiness_source::enqueue() noexcept {
    queued_ = true;
    of_->watch(end_, direction_of(writing_), node());
}

void pipe_readiness_source::withdraw() noexcept { of_->unwatch(end_, direction_of(writing_), node()); }

} // namespace detail
} // namespace weft::net
