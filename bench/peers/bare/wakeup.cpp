// SPDX-License-Identifier: BSL-1.0
#include "peers/bare/shapes.hpp"
#include "support/measure.hpp"

#include <cstdint>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

namespace bare {
namespace {

// Two threads that sleep in the kernel, each on an eventfd of its own.
class kernel_event {
public:
    kernel_event() : fd_(bench::checked(eventfd(0, EFD_CLOEXEC), "eventfd")) {}
    ~kernel_event() { close(fd_); }
    kernel_event(const kernel_event&) = delete;
    kernel_event& operator=(const kernel_event&) = delete;

    void set(std::uint64_t value) const {
        bench::check(write(fd_, &value, sizeof value) == sizeof value, "write");
    }
    std::uint64_t take() const {
        std::uint64_t value = 0;
        bench::check(read(fd_, &value, sizeof value) == sizeof value, "read");
        return value;
    }

private:
    int fd_;
};

} // namespace

bench::figures wakeup(const bench::sizes& size) {
    const kernel_event ping, pong;
    std::thread other([&] {
        for (std::size_t turn = 0; turn < size.count; ++turn) pong.set(ping.take());
    });
    const bench::stopwatch watch;
    for (std::size_t turn = 1; turn <= size.count; ++turn) {
        ping.set(turn);
        bench::check(pong.take() == turn, "turn that came back");
    }
    const auto elapsed = watch.elapsed();
    other.join();
    return {{"ns", bench::per_operation(elapsed, 2 * size.count)}};
}

} // namespace bare
