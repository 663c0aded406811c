// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/endpoint.hpp>
#include <weft/task_group.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <utility>

namespace weft::net {

// What becomes of a connection that comes while there are max_connections: it waits in the listener's backlog, or is accepted and
// closed at once.
enum class overload { wait, refuse };

struct server_options {
    std::size_t max_connections = 1000; // at a time, of all listeners together; 0: as many as there are
    overload at_capacity = overload::wait;
    std::size_t max_per_address = 0; // at a time; those above it are closed at once; 0: no limit
    // A read or write of a connection may wait so long (byte_stream::set_idle_timeout); 0: for ever.
    std::chrono::nanoseconds idle_timeout = std::chrono::minutes(10);
    std::chrono::nanoseconds drain_timeout = std::chrono::seconds(30); // what shutdown() gives
    // An exception that left a handler: called in the connection's fiber, by several at a time. Or one that starting a fiber threw:
    // called by serve(). What it throws is lost.
    std::function<void(std::exception_ptr)> on_error{};
};

struct server_statistics {
    std::uint64_t accepted = 0; // and given to a handler
    std::uint64_t refused = 0;  // over a limit, or no fiber was to be had
    std::uint64_t failed = 0;   // whose handler threw
    std::size_t active = 0;     // now
};

namespace detail {

class server_state;
class accept_loop;

// A connection's place in the limits; freed at its end.
class [[gnu::visibility("default")]] server_seat {
public:
    server_seat(server_seat&& other) noexcept
        : loop_(std::exchange(other.loop_, nullptr)),
          peer_(other.peer_) {}
    server_seat& operator=(server_seat&&) = delete;
    ~server_seat();

    explicit operator bool() const noexcept { return loop_ != nullptr; }
    // Calls f, which handles the connection; counts and reports what it throws.
    void call(const std::function<void()>& handle) const;

private:
    friend class accept_loop;
    server_seat() noexcept = default;
    server_seat(accept_loop& loop, const endpoint& peer) noexcept : loop_(&loop), peer_(peer) {}

    accept_loop* loop_ = nullptr; // which outlives it; null: moved from, or none
    endpoint peer_;
};

// What serve does with one listener, but for the kind of the listener.
class [[gnu::visibility("default")]] accept_loop {
public:
    explicit accept_loop(std::shared_ptr<server_state> state);
    ~accept_loop();
    accept_loop(const accept_loop&) = delete;
    accept_loop& operator=(const accept_loop&) = delete;

    // Calls accept_all, which ends by `cancelled` when the server is shut down.
    void run_until_stopped(const std::function<void()>& accept_all);
    // Waits until there may be one more, where that is the policy.
    void await_room();
    // After an accept that failed: true after a pause, if it is worth another try; false: the listener was closed; else throws.
    bool try_again(const std::error_code& ec);
    // False: it is one too many.
    server_seat admit(const endpoint& peer);
    void not_started(std::exception_ptr why);
    // Waits for the connections, and cancels them when the time for that is over.
    void drain(task_group& connections);

    std::chrono::nanoseconds idle_timeout() const noexcept;

private:
    friend class server_seat;
    void report(std::exception_ptr why, std::uint64_t server_statistics::* counter);

    const std::shared_ptr<server_state> state_;
    std::chrono::nanoseconds pause_{};
    std::size_t active_ = 0; // connections of this listener; guarded by the state's mutex
};

} // namespace detail

// Accepts connections and gives each to a handler in a fiber of its own, within limits, until it is shut down.
//
// Out of descriptors it pauses, for 5 ms at first and at most 1 s, and loses no connection of the backlog. Thread-safe; several
// listeners may be served at a time. To be destroyed when no call is inside.
class [[gnu::visibility("default")]] server {
public:
    explicit server(server_options options = {});
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    // Calls handler(stream) for each connection of the listener, which may be an lvalue or given away, by several fibers at a time.
    // A connection is closed when the stream is destroyed, at the latest when the handler has returned or thrown; the exception is
    // counted and given to on_error, and the server goes on; so is a deadline or a cancelled scope of the handler's own. Returns when the server was shut down, or the listener closed, and the
    // last handler has returned. A cancellation point: it cancels the handlers, waits for them and throws; so it does with io_error
    // when accepting failed for good. The listener is closed then.
    template <class Listener, class Handler>
    void serve(Listener&& listener, Handler handler);

    // Closes the listeners, waits for the handlers, cancels them when the time is over (zero: at once), and returns when all are
    // gone. From any fiber or thread, also a handler: then it returns at once, and serve() does the rest. May be called again, with
    // less time. Afterwards serve() closes its listener and returns. A cancellation point: the shutdown goes on.
    void shutdown();
    template <class Rep, class Period>
    void shutdown(std::chrono::duration<Rep, Period> drain) {
        shut_down(to_clock_duration(drain));
    }

    server_statistics statistics() const;

private:
    void shut_down(clock::duration drain);

    const std::shared_ptr<detail::server_state> state_;
};

template <class Listener, class Handler>
void server::serve(Listener&& given, Handler handler) {
    auto&& listener = std::forward<Listener>(given);
    detail::accept_loop loop(state_);
    task_group connections;
    const auto accept_all = [&] {
        for (;;) {
            loop.await_room();
            std::error_code ec;
            auto stream = listener.accept(ec);
            if (ec) {
                if (loop.try_again(ec)) continue;
                return;
            }
            endpoint peer;
            if constexpr (requires { stream.remote_endpoint(ec); }) peer = stream.remote_endpoint(ec);
            if constexpr (requires { stream.set_idle_timeout(loop.idle_timeout()); })
                stream.set_idle_timeout(loop.idle_timeout());
            detail::server_seat seat = loop.admit(peer);
            if (!seat) continue;
            try {
                connections.go({.name = "connection"},
                    [&handler, seat = std::move(seat), stream = std::move(stream)]() mutable {
                        seat.call([&] { std::invoke(handler, std::move(stream)); });
                    });
            } catch (const std::exception&) {
                loop.not_started(std::current_exception());
            }
        }
    };
    const auto close = [&]() noexcept {
        std::error_code already_closed;
        listener.close(already_closed);
    };
    try {
        loop.run_until_stopped(accept_all);
    } catch (...) {
        close();
        throw;
    }
    close();
    loop.drain(connections);
    connections.wait();
}

} // namespace weft::net
