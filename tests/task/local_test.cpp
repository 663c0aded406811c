// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using fiber_local_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, fiber_local_, test::all_worker_counts(), test::workers_name);

fiber_local<std::string> word;
fiber_local<int> number;

TEST_P(fiber_local_, IsOneAFiber) {
    run([] {
        *word = "main";
        std::vector<fiber<std::string>> all;
        for (int i = 0; i < 100; ++i)
            all.push_back(go([i] {
                EXPECT_EQ(*word, "");
                *word = std::to_string(i);
                *number = i;
                for (int k = 0; k < 20; ++k) yield(); // to other workers
                EXPECT_EQ(*number, i);
                return *word;
            }));
        for (int i = 0; i < 100; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)].join(), std::to_string(i));
        EXPECT_EQ(word->size(), 4U);
    });
}

struct noted {
    std::vector<int>* order = nullptr;
    int number = 0;
    ~noted() {
        if (order != nullptr) order->push_back(number);
    }
};
fiber_local<noted> first;
fiber_local<noted> second;

TEST_P(fiber_local_, IsDestroyedInTheOppositeOrderBeforeTheJoin) {
    run([] {
        std::vector<int> order;
        go([&] {
            first->order = &order;
            first->number = 1;
            second->order = &order;
            second->number = 2;
        }).join();
        EXPECT_EQ(order, (std::vector<int>{2, 1}));
    });
}

TEST_P(fiber_local_, IsOneAThreadOutside) {
    *number = 5;
    std::thread([] {
        EXPECT_EQ(*number, 0);
        *number = 6;
    }).join();
    EXPECT_EQ(*number, 5);
    *number = 0;
}

} // namespace
} // namespace weft
