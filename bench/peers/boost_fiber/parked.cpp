// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/new_fiber.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <atomic>
#include <vector>

namespace boost_fiber {
namespace {

class gate {
public:
    void pass() {
        std::unique_lock guard(lock_);
        waiting_.fetch_add(1, std::memory_order_relaxed);
        opened_.wait(guard, [this] { return tickets_ > 0; });
        --tickets_;
    }
    void open_for_one() {
        {
            const std::lock_guard guard(lock_);
            ++tickets_;
        }
        opened_.notify_one();
    }
    std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

private:
    boost::fibers::mutex lock_;
    boost::fibers::condition_variable opened_;
    std::size_t tickets_ = 0;
    std::atomic<std::size_t> waiting_{0};
};

} // namespace

bench::figures parked(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        gate all_wait;
        std::atomic<std::size_t> woken{0};
        std::vector<boost::fibers::fiber> fibers;
        fibers.reserve(size.count);

        const double resident_before = bench::resident_bytes();
        const bench::stopwatch creation;
        for (std::size_t i = 0; i < size.count; ++i)
            fibers.push_back(new_fiber([&] {
                all_wait.pass();
                woken.fetch_add(1, std::memory_order_relaxed);
            }));
        while (all_wait.waiting() != size.count) boost::this_fiber::yield();
        const auto created = creation.elapsed();
        const double resident = bench::resident_bytes() - resident_before;

        const bench::stopwatch waking;
        for (std::size_t i = 0; i < size.count; ++i) all_wait.open_for_one();
        for (boost::fibers::fiber& fiber : fibers) fiber.join();
        const auto wake = waking.elapsed();
        bench::check(woken.load() == size.count, "number woken");
        return {
            {"bytes", resident / static_cast<double>(size.count)},
            {"create_ns", bench::per_operation(created, size.count)},
            {"wake_ns", bench::per_operation(wake, size.count)},
        };
    });
}

} // namespace boost_fiber
