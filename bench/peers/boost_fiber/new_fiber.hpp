// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>
#include <utility>

#include <boost/fiber/fiber.hpp>
#include <boost/fiber/fixedsize_stack.hpp>

namespace boost_fiber {

// On a stack of 64 KiB: malloc maps and unmaps each one of the default size, which costs Boost.Fiber a
// multiple.
template <class F>
boost::fibers::fiber new_fiber(F&& f) {
    constexpr std::size_t stack_size = 64 * 1024;
    return {std::allocator_arg, boost::fibers::fixedsize_stack(stack_size), std::forward<F>(f)};
}

} // namespace boost_fiber
