// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::test {

// System calls that fail as the kernel could let them fail. A seccomp filter asks about each call of one number, and a thread of the
// test's answers: it fails with an errno, or is done as if nothing had asked. The filter holds for the thread that run() makes and
// for those that are started by it, a runtime's workers among them; the rest of the process never meets it.
//
// Who may call: anybody, with guard_; run() once.
class system_call_faults {
public:
    // The descriptor is this argument of the call.
    explicit system_call_faults(long number, std::size_t argument = 0)
        : number_(number),
          argument_(argument) {}

    static constexpr int any_descriptor = -1;

    // The next calls on that descriptor fail so, one by one; those after them are done. 0: one that is done.
    void fail_next(int descriptor, const std::vector<int>& errors) {
        const std::scoped_lock guard(guard_);
        begin(descriptor, 0);
        errors_.assign(errors.begin(), errors.end());
    }
    // Each call on it fails so, until fail_next.
    void fail_always(int descriptor, int error) {
        const std::scoped_lock guard(guard_);
        begin(descriptor, error);
    }
    // The calls on that descriptor since then, whatever became of them.
    std::size_t asked() const {
        const std::scoped_lock guard(guard_);
        return asked_;
    }
    // Those of fail_next that are still to come.
    std::size_t left() const {
        const std::scoped_lock guard(guard_);
        return errors_.size();
    }

    // Runs the body, in a thread of its own, and throws what it throws. False: the system does not permit such a filter, and refusal() says why.
    bool run(const std::function<void()>& body) {
        std::atomic<int> listener{unknown};
        const int ended = ::eventfd(0, EFD_CLOEXEC);
        std::exception_ptr thrown;
        std::thread filtered([&] {
            const int installed = install();
            if (installed < 0) refusal_ = errno;
            listener.store(installed);
            listener.notify_one();
            try {
                if (installed >= 0) body();
            } catch (...) {
                thrown = std::current_exception();
            }
            ::eventfd_write(ended, 1);
        });
        listener.wait(unknown);
        const int questions = listener.load();
        if (questions >= 0) answer(questions, ended);
        filtered.join();
        if (questions >= 0) ::close(questions);
        ::close(ended);
        if (thrown) std::rethrow_exception(thrown);
        return questions >= 0;
    }

    int refusal() const { return refusal_; }

private:
    static constexpr int unknown = -2;

    int install() const {
        const auto load = static_cast<std::uint16_t>(BPF_LD | BPF_W | BPF_ABS);
        const auto equal = static_cast<std::uint16_t>(BPF_JMP | BPF_JEQ | BPF_K);
        const auto give = static_cast<std::uint16_t>(BPF_RET | BPF_K);
        std::array<sock_filter, 4> program{{
            {load, 0, 0, offsetof(seccomp_data, nr)},
            {equal, 0, 1, static_cast<std::uint32_t>(number_)},
            {give, 0, 0, SECCOMP_RET_USER_NOTIF},
            {give, 0, 0, SECCOMP_RET_ALLOW},
        }};
        const sock_fprog all{.len = program.size(), .filter = program.data()};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return -1;
        return static_cast<int>(
            ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &all));
    }

    void answer(int questions, int ended) {
        std::array<pollfd, 2> either{{{questions, POLLIN, 0}, {ended, POLLIN, 0}}};
        for (;;) {
            if (::poll(either.data(), either.size(), -1) < 0) continue;
            if ((either[0].revents & POLLIN) != 0)
                answer_one(questions);
            else if (either[1].revents != 0)
                return;
        }
    }
    void answer_one(int questions) {
        // A newer kernel's structures may be larger than those that were compiled in.
        alignas(8) std::array<std::byte, 512> room{};
        auto& question = *reinterpret_cast<seccomp_notif*>(room.data());
        if (::ioctl(questions, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) return; // interrupted meanwhile
        const std::uint64_t id = question.id;
        const decision made = decide(static_cast<int>(question.data.args[argument_]));
        room.fill({});
        auto& reply = *reinterpret_cast<seccomp_notif_resp*>(room.data());
        reply.id = id;
        reply.error = -made.error;
        reply.flags = made.error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
        // Interrupted meanwhile, by the watchdog's signal: it will ask again.
        if (::ioctl(questions, SECCOMP_IOCTL_NOTIF_SEND, &reply) != 0) take_back(made);
    }
    void begin(int descriptor, int always) {
        descriptor_ = descriptor;
        errors_.clear();
        always_ = always;
        asked_ = 0;
    }
    struct decision {
        int error = 0;
        bool counted = false;
        bool scripted = false; // by fail_next
    };
    decision decide(int descriptor) {
        const std::scoped_lock guard(guard_);
        if (descriptor_ != any_descriptor && descriptor != descriptor_) return {};
        ++asked_;
        if (errors_.empty()) return {always_, true, false};
        const int error = errors_.front();
        errors_.pop_front();
        return {error, true, true};
    }
    void take_back(const decision& made) {
        const std::scoped_lock guard(guard_);
        if (made.counted) --asked_;
        if (made.scripted) errors_.push_front(made.error);
    }

    const long number_;
    const std::size_t argument_;
    int refusal_ = 0;
    mutable std::mutex guard_; // of what follows
    int descriptor_ = any_descriptor;
    std::deque<int> errors_;
    int always_ = 0;
    std::size_t asked_ = 0;
};

} // namespace weft::test
