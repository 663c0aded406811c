// SPDX-License-Identifier: BSL-1.0
#include "pipe_link.hpp"
#include "poller/outcome.hpp"

#include <weft/net/error.hpp>
#include <weft/net/pipe.hpp>

#include <array>

namespace weft::net {

using detail::transfer;

std::pair<pipe_stream, pipe_stream> pipe() {
    auto* const link = new pipe_link;
    return {pipe_stream(*link, pipe_end::first), pipe_stream(*link, pipe_end::second)};
}

pipe_stream::pipe_stream(pipe_stream&& other) noexcept
    : link_(std::exchange(other.link_, nullptr)),
      end_(other.end_) {}

pipe_stream& pipe_stream::operator=(pipe_stream&& other) noexcept {
    if (this != &other) {
        if (link_ != nullptr) link_->disown(end_);
        link_ = std::exchange(other.link_, nullptr);
        end_ = other.end_;
    }
    return *this;
}

pipe_stream::~pipe_stream() {
    if (link_ != nullptr) link_->disown(end_);
}

bool pipe_stream::is_open() const noexcept { return link_ != nullptr && link_->open(end_); }

transfer pipe_stream::do_read_some(std::span<std::byte> to) {
    return pipe_link::run(link_, end_, pipe_call(to, extent::some));
}
transfer pipe_stream::do_read_exactly(std::span<std::byte> to) {
    return pipe_link::run(link_, end_, pipe_call(to, extent::all));
}
transfer pipe_stream::do_write_some(std::span<const std::byte> from) {
    const std::array pieces{from};
    return pipe_link::run(link_, end_, pipe_call(pieces, extent::some));
}
transfer pipe_stream::do_write_all(std::span<const std::byte> from) {
    const std::array pieces{from};
    return do_write_pieces(pieces);
}
transfer pipe_stream::do_write_pieces(std::span<const std::span<const std::byte>> pieces) {
    return pipe_link::run(link_, end_, pipe_call(pieces, extent::all));
}

std::error_code pipe_stream::do_shutdown(direction which) noexcept {
    return outcome::to_error_code(link_ == nullptr
            ? outcome::closed
            : link_->shutdown(end_, which != direction::send, which != direction::receive));
}

std::error_code pipe_stream::do_close() noexcept {
    return outcome::to_error_code(link_ == nullptr ? outcome::closed : link_->close(end_));
}

void pipe_stream::set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes) {
    const long result =
        link_ == nullptr ? outcome::closed : link_->set_deadlines(end_, deadline, of_reads, of_writes);
    if (result != outcome::done) detail::throw_io_error(outcome::to_error_code(result), "set_deadline");
}

} // namespace weft::net
