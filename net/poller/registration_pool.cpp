// SPDX-License-Identifier: BSL-1.0
#include "poller/registration_pool.hpp"

#include <mutex>

namespace weft::net {

registration_pool& registration_pool::instance() {
    static auto* const pool = new registration_pool;
    return *pool;
}

registration& registration_pool::take() {
    {
        const std::scoped_lock guard(lock_);
        if (registration* found = free_) {
            free_ = found->next_free_;
            return *found;
        }
    }
    auto* fresh = new slab;
    for (int i = 1; i + 1 < slab_size; ++i) fresh->entries[i].next_free_ = &fresh->entries[i + 1];
    const std::scoped_lock guard(lock_);
    fresh->next = slabs_;
    slabs_ = fresh;
    fresh->entries[slab_size - 1].next_free_ = free_;
    free_ = &fresh->entries[1];
    return fresh->entries[0];
}

void registration_pool::give_back(registration& unused) noexcept {
    const std::scoped_lock guard(lock_);
    unused.next_free_ = free_;
    free_ = &unused;
}

} // namespace weft::net
