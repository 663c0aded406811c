// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/stack_slot.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace weft {

// The free stacks of one class, last in first out, so that the warm ones are used again and the others stay
// idle. They are kept beside the stacks, since a link inside one would touch a page of a stack whose pages
// were given back. No lock: the pool's.
//
// Position in stacks_:   0 ... clean_ ... idle_ ... size()
//                  and   clean_ <= blocked_ while pages are being discarded
//     below clean_:   have no pages
//     below idle_:    have been here since the period began
//     below blocked_: are being discarded and not to be had
class stack_shelf {
public:
    // Room for one more, so that push() needs no memory.
    void grow(std::size_t total) {
        if (stacks_.capacity() < total) stacks_.reserve(std::max(total, 2 * stacks_.capacity()));
    }

    void push(std::span<const stack_slot> stacks) noexcept {
        stacks_.insert(stacks_.end(), stacks.begin(), stacks.end());
    }

    // The warmest is the last.
    std::size_t pop(std::span<stack_slot> to) noexcept {
        const std::size_t count = std::min(to.size(), stacks_.size() - blocked_);
        std::copy(stacks_.end() - static_cast<std::ptrdiff_t>(count), stacks_.end(), to.begin());
        stacks_.resize(stacks_.size() - count);
        idle_ = std::min(idle_, stacks_.size());
        clean_ = std::min(clean_, stacks_.size());
        return count;
    }

    std::size_t size() const noexcept { return stacks_.size(); }
    bool discarding() const noexcept { return blocked_ > 0; }

    // Stacks that were idle for the whole period and have pages; 0: there are no more. If there are,
    // end_discard() follows.
    std::size_t begin_discard(std::span<stack_slot> to) noexcept {
        std::size_t count = 0;
        std::size_t end = clean_;
        for (; end < idle_ && count < to.size(); ++end) {
            if (stacks_[end].used) to[count++] = stacks_[end];
        }
        (count > 0 ? blocked_ : clean_) = end;
        return count;
    }
    void end_discard() noexcept {
        for (; clean_ < blocked_; ++clean_) stacks_[clean_].used = false;
        blocked_ = 0;
    }
    void begin_period() noexcept { idle_ = stacks_.size(); }

private:
    std::vector<stack_slot> stacks_;
    std::size_t clean_ = 0;
    std::size_t idle_ = 0;
    std::size_t blocked_ = 0;
};

} // namespace weft
