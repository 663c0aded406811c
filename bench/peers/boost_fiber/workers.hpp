// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <mutex>
#include <thread>
#include <vector>

#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/condition_variable.hpp>
#include <boost/fiber/mutex.hpp>
#include <boost/fiber/operations.hpp>

namespace boost_fiber {

// Calls body() on this thread, while workers - 1 further ones steal from it. One worker keeps Boost.Fiber's
// default scheduler.
template <class F>
auto on_workers(unsigned workers, F body) {
    using boost::fibers::algo::work_stealing;
    boost::fibers::mutex lock;
    boost::fibers::condition_variable ended;
    bool over = false;

    std::vector<std::thread> thieves;
    for (unsigned i = 1; i < workers; ++i)
        thieves.emplace_back([&] {
            boost::fibers::use_scheduling_algorithm<work_stealing>(workers);
            std::unique_lock guard(lock);
            ended.wait(guard, [&] { return over; });
        });
    if (workers > 1) boost::fibers::use_scheduling_algorithm<work_stealing>(workers);

    auto result = body();
    {
        const std::lock_guard guard(lock);
        over = true;
    }
    ended.notify_all();
    for (std::thread& thief : thieves) thief.join();
    return result;
}

} // namespace boost_fiber
