// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/ready_list.hpp>

#include <cstdint>
#include <memory>

namespace weft {

// What a poller reports about a descriptor.
struct poll_events {
    bool readable = false;
    bool writable = false;
    // The peer closed its side, urgent data came, or there is an error: from now on a read that gives less than asked for proves
    // nothing about what is left. Readable is set, too, and writable with an error.
    bool hung_up = false;
    // Of a backend that takes a socket's error away in order to report it, with the end of the stream or the error: an
    // errno, which the next call has to tell, or end_without_error. 0: neither has come, or errors are left with the socket,
    // as they should be.
    int error = 0;
    static constexpr int end_without_error = -1;
};

// A descriptor as a poller knows it. Type-stable: never freed while its poller lives, so that an event that was on its way
// when the descriptor was closed finds a registration, sees another generation and goes away.
class poll_target {
public:
    // By whoever polls. Stores the readiness, claims who waits for it and puts them into the list.
    virtual void ready(std::uint32_t generation, poll_events events, ready_list& batch) noexcept = 0;

protected:
    ~poll_target() = default;
};

// The contract of a poller backend: five functions. Edge-triggered: readiness is reported once when it arises.
class [[gnu::visibility("default")]] poller {
public:
    virtual ~poller() = default;

    // Any thread. Registers the descriptor for both directions, once in its life. 0 or -errno.
    virtual int add(int fd, poll_target& target, std::uint32_t generation) noexcept = 0;
    // Any thread, before the descriptor is closed. No event of this generation is reported once its wait() call has returned.
    virtual void remove(int fd) noexcept = 0;
    // One thread at a time. Waits until there are events, the deadline (never: for ever; the past: do not wait) or an
    // interrupt; may return early. Calls ready() for each event.
    virtual void wait(clock::time_point deadline, ready_list& batch) noexcept = 0;
    // Any thread, also a signal handler. Makes the wait() that runs, or else the next one, return.
    virtual void interrupt() noexcept = 0;
    // The number of descriptors registered; for reports.
    virtual std::size_t size() const noexcept = 0;
};

// The poller of the calling fiber's runtime (on a plain thread: of the default runtime, which is started if need be). The
// first call in a runtime makes it with `make`, which may throw std::system_error. Shared, so that descriptors may outlive
// their runtime.
using make_poller = std::shared_ptr<poller> (*)();
[[gnu::visibility("default")]] std::shared_ptr<poller> this_poller(make_poller make);

} // namespace weft
