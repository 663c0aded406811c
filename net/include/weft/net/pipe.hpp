// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/closable.hpp>
#include <weft/net/readiness.hpp>
#include <weft/net/stream_interface.hpp>
#include <weft/waiting/source.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

namespace weft::net {

class pipe_link;
enum class pipe_end : std::uint8_t { first = 0, second = 1 };

class pipe_stream;

// Two ends of a pipe. Never blocks. Throws std::bad_alloc.
[[nodiscard, gnu::visibility("default")]] std::pair<pipe_stream, pipe_stream> pipe();

// One of the two ends of a pipe: a stream in memory, in both directions, without descriptors and without a buffer. What is
// written at one end goes straight into the buffers of those who read at the other, so a write waits until somebody has read
// all of it (write_some: some of it), and a read until somebody writes. Calls of no bytes do not wait.
//
// After shutdown(direction::send) or close() here the peer reads the end of the stream, for ever. After
// shutdown(direction::receive) or close() here the peer's writes fail with broken_pipe, pending ones included; reads here
// give the end of the stream. A write cut short says how many of its bytes were read, and no other was.
//
// For fibers of any runtime and plain threads. Thread-safe but for being moved and destroyed. One that was moved from is not
// open. Fibers that wait for nothing but each other's ends of pipes are deadlocked, and reported as such.
class [[gnu::visibility("default")]] pipe_stream : public closable<pipe_stream>,
                                                   public stream_interface<pipe_stream> {
public:
    pipe_stream() noexcept = default; // not open
    pipe_stream(pipe_stream&& other) noexcept;
    pipe_stream& operator=(pipe_stream&& other) noexcept;
    ~pipe_stream();

    bool is_open() const noexcept;

private:
    friend class closable<pipe_stream>;
    friend class stream_interface<pipe_stream>;
    friend class directed_deadlines<pipe_stream>;
    friend struct pipe_access;
    friend std::pair<pipe_stream, pipe_stream> pipe();

    pipe_stream(pipe_link& of, pipe_end end) noexcept : link_(&of), end_(end) {}

    detail::transfer do_read_some(std::span<std::byte> to);
    detail::transfer do_read_exactly(std::span<std::byte> to);
    detail::transfer do_write_some(std::span<const std::byte> from);
    detail::transfer do_write_all(std::span<const std::byte> from);
    detail::transfer do_write_pieces(std::span<const std::span<const std::byte>> pieces);
    std::error_code do_shutdown(direction which) noexcept;
    std::error_code do_close() noexcept;
    void set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes);

    pipe_link* link_ = nullptr;
    pipe_end end_ = pipe_end::first;
};

namespace detail {

// A direction of an end of a pipe, waited for. Keeps the pipe.
class [[gnu::visibility("default")]] pipe_readiness_source : public source {
public:
    bool may_be_ready() const noexcept override { return true; } // only the lock tells
    bool take() override;
    void enqueue() noexcept override;
    void withdraw() noexcept override;
    bool happened() const noexcept override;

protected:
    pipe_readiness_source(const pipe_stream& of, bool writing) noexcept;
    ~pipe_readiness_source();

private:
    pipe_readiness_source(pipe_link* entered, pipe_end end, bool writing) noexcept;

    pipe_link* of_; // nullptr: never open
    pipe_end end_;
    bool writing_;
    bool queued_ = false; // at some time
    wait_node node_;
};

} // namespace detail
} // namespace weft::net

namespace weft {

// Cases of a select. handler(): somebody waits in a write at the other end (in a read), or there is the end of the stream (no reader
// any more). Somebody else may be faster, or the peer give up: then the next call waits. So two selects, one for writing at one end
// and one for reading at the other, wait for each other; neither is a call that the other could meet. If this end is closed,
// select throws what a read (a write) would. The deadlines do not concern them.
template <class Handler>
auto on_readable(const net::pipe_stream& of, Handler handler) {
    return net::detail::readiness_case<net::detail::pipe_readiness_source, Handler>(
        of, false, std::move(handler));
}
template <class Handler>
auto on_writable(const net::pipe_stream& of, Handler handler) {
    return net::detail::readiness_case<net::detail::pipe_readiness_source, Handler>(
        of, true, std::move(handler));
}

} // namespace weft
