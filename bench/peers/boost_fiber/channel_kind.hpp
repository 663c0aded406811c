// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"
#include "support/peer_program.hpp"

#include <algorithm>
#include <bit>

#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/unbuffered_channel.hpp>

namespace boost_fiber {

// Calls f with a channel of that capacity. A buffered one takes a power of two and leaves one place empty; it is
// given the nearest power that holds at least one item: 128 hold 127.
template <class T, class F>
bench::figures with_channel(std::size_t capacity, F f) {
    bench::check(capacity != bench::unbounded, "Boost.Fiber has no unbounded channel");
    if (capacity == 0) {
        boost::fibers::unbuffered_channel<T> items;
        return f(items);
    }
    boost::fibers::buffered_channel<T> items(std::bit_ceil(std::max<std::size_t>(capacity, 2)));
    return f(items);
}

} // namespace boost_fiber
