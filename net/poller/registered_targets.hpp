// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/poller.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <vector>

namespace weft::net {

// All descriptors of a poller with their targets, for a backend that has to tell all of them something. Thread-safe;
// remembers by number, so that its size is that of the largest number.
class registered_targets {
public:
    bool insert(int fd, poll_target& target, std::uint32_t generation) noexcept { // false: no memory
        const auto index = static_cast<std::size_t>(fd);
        const std::scoped_lock guard(mutex_);
        try {
            if (index >= entries_.size()) entries_.resize(index + 1);
        } catch (const std::bad_alloc&) {
            return false;
        }
        entries_[index] = {&target, generation};
        return true;
    }
    void erase(int fd) noexcept {
        const std::scoped_lock guard(mutex_);
        entries_[static_cast<std::size_t>(fd)] = {};
    }
    void tell_all(poll_events events, ready_list& batch) noexcept {
        const std::scoped_lock guard(mutex_);
        for (const entry& each : entries_) {
            if (each.target != nullptr) each.target->ready(each.generation, events, batch);
        }
    }

private:
    struct entry {
        poll_target* target = nullptr;
        std::uint32_t generation = 0;
    };
    std::mutex mutex_;
    std::vector<entry> entries_;
};

} // namespace weft::net
