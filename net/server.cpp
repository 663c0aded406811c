// SPDX-License-Identifier: BSL-1.0
#include <weft/cancel.hpp>
#include <weft/fiber.hpp>
#include <weft/local.hpp>
#include <weft/net/error.hpp>
#include <weft/net/server.hpp>
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/mutex.hpp>

#include <algorithm>
#include <mutex>
#include <string_view>
#include <typeinfo>
#include <unordered_map>

namespace weft::net {

namespace detail {

// Shared by the server, its accept loops and its connections; kept by the server and each loop.
//
// Who may call. Anybody, with `guard`; options and stop without. `changed` is notified whenever a call that waits for it could go
// on: a connection or a loop has ended, drain_until has come nearer.
// Invariants, outside the lock: counts.active is the sum of the loops' active_, and counts the seats; per_address has no zero.
// The end. shut_down sets drain_until before it fires `stop`: a loop that was stopped finds its time. A loop drains its own
// connections, joins them and goes, so that a seat never outlives its loop; shut_down waits for `gone`.
class server_state {
public:
    explicit server_state(server_options of) : options(std::move(of)) {}

    bool full() const noexcept {
        return options.max_connections != 0 && counts.active >= options.max_connections;
    }
    // False: there are too many of it.
    bool count_address(const endpoint& address) {
        if (options.max_per_address == 0) return true;
        std::size_t& count = per_address[address];
        if (count == options.max_per_address) return false;
        ++count;
        return true;
    }
    bool gone() const noexcept { return loops == 0 && counts.active == 0; }

    const server_options options;
    cancel_source stop;

    mutable mutex guard; // of what follows
    condition_variable changed;
    server_statistics counts;
    std::unordered_map<endpoint, std::size_t> per_address;
    std::size_t loops = 0;
    clock::time_point drain_until = never;
};

namespace {

// The server whose connection the calling fiber handles.
struct served_by {
    const server_state* server = nullptr;
};
fiber_local<served_by>& this_connection() {
    static fiber_local<served_by> local;
    return local;
}

endpoint without_port(const endpoint& peer) noexcept {
    return peer.is_v6() ? endpoint::v6(peer.bytes().first<16>(), 0, peer.scope())
                        : endpoint::v4(peer.bytes().first<4>(), 0);
}

constexpr std::chrono::milliseconds first_pause(5);
constexpr std::chrono::seconds longest_pause(1);

// Whether what a handler threw is what everything in it was cancelled for. It may have failed by a deadline of its own just before.
bool is_cancellation_from_outside(const cancelled& thrown) {
    try {
        cancellation_point();
        return false;
    } catch (const cancelled& outside) {
        return typeid(thrown) == typeid(outside) && thrown.cause() == outside.cause() &&
            std::string_view(thrown.what()) == outside.what();
    }
}

// no_space_on_device: of descriptors that this user may watch, see epoll_ctl(2).
bool is_shortage(const std::error_code& ec) noexcept {
    return ec == std::errc::too_many_files_open || ec == std::errc::no_buffer_space ||
        ec == std::errc::not_enough_memory || ec == std::errc::no_space_on_device;
}

} // namespace

// --- a connection

server_seat::~server_seat() {
    if (loop_ == nullptr) return;
    server_state& state = *loop_->state_;
    const cancellation_shield shield;
    const std::scoped_lock lock(state.guard);
    --state.counts.active;
    --loop_->active_;
    const auto found = state.per_address.find(without_port(peer_));
    if (found != state.per_address.end() && --found->second == 0) state.per_address.erase(found);
    state.changed.notify_all();
}

void server_seat::call(const std::function<void()>& handle) const {
    server_state& state = *loop_->state_;
    this_connection()->server = &state;
    try {
        handle();
    } catch (const cancelled& thrown) {
        // Of a scope of the handler's own it is a failure like others; the server's own end is none.
        if (!is_cancellation_from_outside(thrown))
            loop_->report(std::current_exception(), &server_statistics::failed);
    } catch (...) {
        loop_->report(std::current_exception(), &server_statistics::failed);
    }
}

// --- a listener

accept_loop::accept_loop(std::shared_ptr<server_state> state) : state_(std::move(state)) {
    const std::scoped_lock lock(state_->guard);
    ++state_->loops;
}

accept_loop::~accept_loop() {
    const cancellation_shield shield;
    const std::scoped_lock lock(state_->guard);
    --state_->loops;
    state_->changed.notify_all();
}

void accept_loop::run_until_stopped(const std::function<void()>& accept_all) {
    try {
        const cancel_scope scope(state_->stop.token());
        accept_all();
    } catch (const cancelled&) {
        if (!state_->stop.stop_requested()) throw;
    }
    cancellation_point();
}

void accept_loop::await_room() {
    if (state_->options.at_capacity == overload::refuse) return;
    std::unique_lock lock(state_->guard);
    state_->changed.wait(lock, [this] { return !state_->full(); });
}

bool accept_loop::try_again(const std::error_code& ec) {
    if (ec == std::errc::operation_canceled || ec == std::errc::bad_file_descriptor) return false;
    if (!is_shortage(ec)) throw io_error(ec, "accept");
    pause_ = std::clamp<std::chrono::nanoseconds>(2 * pause_, first_pause, longest_pause);
    sleep(pause_);
    return true;
}

server_seat accept_loop::admit(const endpoint& peer) {
    pause_ = {};
    const std::scoped_lock lock(state_->guard);
    if (state_->full() || !state_->count_address(without_port(peer))) {
        ++state_->counts.refused;
        return {};
    }
    ++active_;
    ++state_->counts.active;
    ++state_->counts.accepted;
    return {*this, peer};
}

void accept_loop::not_started(std::exception_ptr why) {
    {
        const std::scoped_lock lock(state_->guard);
        --state_->counts.accepted;
    }
    report(std::move(why), &server_statistics::refused);
}

void accept_loop::report(std::exception_ptr why, std::uint64_t server_statistics::* counter) {
    const cancellation_shield shield;
    {
        const std::scoped_lock lock(state_->guard);
        ++(state_->counts.*counter);
    }
    if (!state_->options.on_error) return;
    try {
        state_->options.on_error(std::move(why));
    } catch (...) {
        return;
    }
}

void accept_loop::drain(task_group& connections) {
    std::unique_lock lock(state_->guard);
    while (active_ != 0 && clock::now() < state_->drain_until)
        state_->changed.wait_until(lock, state_->drain_until);
    const bool late = active_ != 0;
    lock.unlock();
    if (late) connections.cancel("the server was shut down");
}

std::chrono::nanoseconds accept_loop::idle_timeout() const noexcept { return state_->options.idle_timeout; }

} // namespace detail

// --- the server

server::server(server_options options) : state_(std::make_shared<detail::server_state>(std::move(options))) {}

server::~server() = default;

void server::shutdown() { shut_down(to_clock_duration(state_->options.drain_timeout)); }

void server::shut_down(clock::duration drain) {
    {
        const std::scoped_lock lock(state_->guard);
        state_->drain_until = std::min(state_->drain_until, deadline_after(drain));
    }
    state_->stop.cancel("the server was shut down");
    state_->changed.notify_all();
    if (detail::this_connection()->server == state_.get()) return;
    std::unique_lock lock(state_->guard);
    state_->changed.wait(lock, [this] { return state_->gone(); });
}

server_statistics server::statistics() const {
    const std::scoped_lock lock(state_->guard);
    return state_->counts;
}

} // namespace weft::net
