// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "poller/registration.hpp"

#include <weft/waiting/spin_lock.hpp>

namespace weft::net {

// All registrations of the process that are not in use. Grows in slabs, never shrinks, and outlives
// everything: pollers may hold the address of a registration whose descriptor is long closed. Thread-safe; a
// lock for a few instructions an opened and a closed descriptor.
class registration_pool {
public:
    static registration_pool& instance();

    registration& take(); // throws std::bad_alloc
    void give_back(registration& unused) noexcept;

private:
    static constexpr int slab_size = 64;

    struct slab {
        slab* next = nullptr;
        registration entries[slab_size];
    };

    spin_lock lock_;
    registration* free_ = nullptr;
    slab* slabs_ = nullptr; // so that leak checkers find them
};

} // namespace weft::net
