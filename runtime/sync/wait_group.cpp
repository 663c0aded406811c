// SPDX-License-Identifier: BSL-1.0
#include <weft/sync/wait_group.hpp>

#include <stdexcept>
#include <string>

// A countdown (countdown.cpp), and a look for misuse: adding to a counter of zero while somebody is inside wait. That one may just
// be about to look at the counter, or have been let go and not have returned. What is found so is always misuse: a wait that has
// returned before an add, as it must, has counted itself out before.
namespace weft {
namespace {

constexpr wait_reason reason{"a wait_group"};

[[noreturn]] void refuse(std::ptrdiff_t added, std::ptrdiff_t counter, const char* why) {
    throw std::logic_error("weft::wait_group: add(" + std::to_string(added) + ") with the counter at " +
        std::to_string(counter) + ": " + why);
}

} // namespace

void wait_group::add(std::ptrdiff_t n) {
    if (n > 0 && count_.value() == 0 && inside_wait_.load(std::memory_order_relaxed) != 0)
        refuse(n, 0, "a wait has yet to return");
    std::ptrdiff_t before = 0;
    switch (count_.change(n, before)) {
    case detail::countdown::change_result::done: return;
    case detail::countdown::change_result::below_zero: refuse(n, before, "it would become negative");
    case detail::countdown::change_result::too_big: refuse(n, before, "it cannot count that far");
    }
}

bool wait_group::wait_before(clock::time_point deadline) {
    struct inside {
        std::atomic<std::size_t>& count;
        explicit inside(std::atomic<std::size_t>& of) : count(of) {
            count.fetch_add(1, std::memory_order_relaxed);
        }
        ~inside() { count.fetch_sub(1, std::memory_order_relaxed); }
    } const here(inside_wait_);
    return count_.wait(reason, deadline);
}

} // namespace weft
