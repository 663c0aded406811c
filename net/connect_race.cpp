// SPDX-License-Identifier: BSL-1.0
#include "connect_race.hpp"

#include <weft/cancelled.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/task_group.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>

namespace weft::net {
namespace {

// What the attempts have come to. Each of them adds one to `ended` when it is over, however it ends.
class finish_line {
public:
    void run(const connect_attempt& attempt, const endpoint& to) {
        const arrival at_the_end{ended_};
        std::error_code ec;
        tcp_stream stream = attempt(to, ec);
        const std::scoped_lock guard(mutex_);
        if (ec) {
            if (!first_failure_) first_failure_ = ec;
        } else if (!winner_.is_open()) {
            winner_ = std::move(stream);
        }
    }
    // False: it took too long.
    bool await_next(clock::duration time) { return ended_.try_acquire_for(time); }
    void await_next() { ended_.acquire(); }

    bool has_winner() {
        const std::scoped_lock guard(mutex_);
        return winner_.is_open();
    }
    tcp_stream take_winner(std::error_code& ec) {
        const std::scoped_lock guard(mutex_);
        ec = winner_.is_open() ? std::error_code() : first_failure_;
        return std::move(winner_);
    }

private:
    struct arrival {
        counting_semaphore& ended;
        ~arrival() { ended.release(); }
    };

    mutex mutex_;
    tcp_stream winner_;
    std::error_code first_failure_;
    counting_semaphore ended_{0};
};

} // namespace

std::vector<endpoint> in_turns_of_families(const std::vector<endpoint>& addresses) {
    std::vector<endpoint> of_first, of_other, result;
    for (const endpoint& each : addresses)
        (each.is_v6() == addresses.front().is_v6() ? of_first : of_other).push_back(each);
    for (std::size_t i = 0; i < std::max(of_first.size(), of_other.size()); ++i) {
        if (i < of_first.size()) result.push_back(of_first[i]);
        if (i < of_other.size()) result.push_back(of_other[i]);
    }
    return result;
}

tcp_stream race(const std::vector<endpoint>& addresses, const connect_attempt& attempt,
    clock::duration head_start, std::error_code& ec) {
    if (addresses.size() == 1) return attempt(addresses.front(), ec);
    finish_line line;
    task_group attempts;
    std::size_t running = 0;
    for (const endpoint& each : in_turns_of_families(addresses)) {
        attempts.go([&line, &attempt, each] { line.run(attempt, each); });
        ++running;
        if (line.await_next(head_start)) --running;
        if (line.has_winner()) break;
    }
    for (; running > 0 && !line.has_winner(); --running) line.await_next();
    if (line.has_winner()) attempts.cancel();
    attempts.wait();
    return line.take_winner(ec);
}

} // namespace weft::net
