// SPDX-License-Identifier: BSL-1.0
#include "signals/signal_hub.hpp"

#include "poller/system_poller.hpp"

#include <weft/backend/sys.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/ready_list.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <errno.h>

namespace weft::net {
namespace {

// What the handler touches; initialised before anything runs.
constinit std::array<std::atomic<std::uint64_t>, NSIG> counts{};
constinit std::atomic<int> bell{-1};
constinit std::atomic<int> inside{0};
constinit std::atomic<bool> rung{false};

constexpr std::int64_t nap_ns = 20'000;

void ring(int fd) noexcept {
    const char stroke = 0;
    sys::write(fd, &stroke, sizeof stroke);
}

void silence(int fd) noexcept {
    char strokes[64];
    while (sys::read(fd, strokes, sizeof strokes) == sizeof strokes) continue;
}

void arrived(int number) {
    const int error = errno;
    inside.fetch_add(1, std::memory_order_seq_cst); // [S2]
    if (const int fd = bell.load(std::memory_order_seq_cst); fd >= 0) {
        counts[static_cast<unsigned>(number)].fetch_add(1, std::memory_order_release);
        if (!rung.exchange(true, std::memory_order_acq_rel)) ring(fd); // [S1]
    }
    inside.fetch_sub(1, std::memory_order_seq_cst);
    errno = error;
}

bool is_ours(const struct sigaction& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &arrived;
}

[[noreturn]] void refuse(int number, const char* why) {
    std::string what = "weft::net::signal_set: signal " + std::to_string(number);
    if (const char* name = sys::signal_name(number)) what.append(" (SIG").append(name).append(")");
    throw std::invalid_argument(what + " " + why);
}

void throw_if_failed(int result, const char* what) {
    if (result < 0) throw std::system_error(-result, std::system_category(), what);
}

} // namespace

signal_hub& signal_hub::instance() {
    static auto* the_one = new signal_hub;
    return *the_one;
}

std::uint64_t signal_hub::count(int number) noexcept {
    return counts[static_cast<unsigned>(number)].load(std::memory_order_acquire);
}

void signal_hub::throw_unless_allowed(int number) {
    if (number < 1 || number >= NSIG) refuse(number, "does not exist");
    switch (number) {
    case SIGKILL:
    case SIGSTOP: refuse(number, "cannot be caught");
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS: refuse(number, "tells of a fault of the program, which would not go on after it");
    case SIGURG: refuse(number, "is weft's own");
    default: break;
    }
}

void signal_hub::add(signal_set& fresh) {
    const std::lock_guard guard(changing_);
    if (sets_ == nullptr) open_bell();
    std::size_t done = 0;
    try {
        for (; done < fresh.queues_.size(); ++done) {
            signal_set::queue& each = fresh.queues_[done];
            each.taken = count(each.number);
            retain(each.number);
        }
    } catch (...) {
        while (done > 0) release(fresh.queues_[--done].number);
        if (sets_ == nullptr) close_bell();
        throw;
    }
    const std::lock_guard queues(lock_);
    fresh.next_ = sets_;
    if (sets_ != nullptr) sets_->previous_ = &fresh;
    sets_ = &fresh;
}

void signal_hub::remove(signal_set& ended) noexcept {
    const std::lock_guard guard(changing_);
    for (const signal_set::queue& each : ended.queues_) release(each.number);
    {
        const std::lock_guard queues(lock_);
        (ended.previous_ == nullptr ? sets_ : ended.previous_->next_) = ended.next_;
        if (ended.next_ != nullptr) ended.next_->previous_ = ended.previous_;
    }
    if (sets_ == nullptr) close_bell();
}

void signal_hub::retain(int number) {
    action& of = actions_[static_cast<unsigned>(number)];
    if (of.sets == 0) {
        struct sigaction ours{};
        ours.sa_handler = &arrived;
        ours.sa_flags = SA_RESTART | SA_ONSTACK;
        sigfillset(&ours.sa_mask);
        if (sys::signal_action(number, &ours, &of.before) < 0) refuse(number, "cannot be caught");
    }
    ++of.sets;
}

void signal_hub::release(int number) noexcept {
    action& of = actions_[static_cast<unsigned>(number)];
    if (--of.sets != 0) return;
    struct sigaction now{};
    if (sys::signal_action(number, nullptr, &now) == 0 && is_ours(now))
        sys::signal_action(number, &of.before, nullptr);
}

void signal_hub::open_bell() {
    int ends[2];
    throw_if_failed(sys::pipe(ends), "pipe");
    for (const int end : ends) sys::set_nonblocking(end, true);
    {
        const std::lock_guard guard(lock_);
        ear_ = ends[0];
    }
    rung.store(false, std::memory_order_relaxed); // no handler is inside
    bell.store(ends[1], std::memory_order_seq_cst);
}

void signal_hub::close_bell() noexcept {
    const int ringing = bell.exchange(-1, std::memory_order_seq_cst); // [S2]
    while (inside.load(std::memory_order_seq_cst) != 0) sys::nap(nap_ns);
    int hearing = -1;
    {
        const std::lock_guard guard(lock_);
        std::swap(hearing, ear_);
    }
    for (const auto& each : listening_)
        if (const std::shared_ptr<poller> alive = each.lock()) alive->remove(hearing);
    listening_.clear();
    sys::close(hearing);
    sys::close(ringing);
}

void signal_hub::listen() {
    const std::shared_ptr<poller> home = this_poller(make_system_poller);
    const std::lock_guard guard(changing_);
    for (const auto& each : listening_)
        if (!each.owner_before(home) && !home.owner_before(each)) return;
    std::erase_if(listening_, [](const auto& each) { return each.expired(); });
    listening_.emplace_back(home);
    const int result = home->add(ear_, *this, 0);
    if (result < 0) listening_.pop_back();
    throw_if_failed(result, "poller");
}

void signal_hub::ready(std::uint32_t, poll_events, ready_list& batch) noexcept {
    claimed_list served;
    {
        const std::lock_guard guard(lock_);
        if (ear_ >= 0) silence(ear_);
        rung.exchange(false, std::memory_order_acq_rel); // [S1]
        for (signal_set* each = sets_; each != nullptr; each = each->next_) each->serve(served);
    }
    served.wake(batch);
}

} // namespace weft::net
