// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/peer_program.hpp"

#include <weft/channel.hpp>

namespace weft_peer {

template <class T>
weft::channel<T> channel_of(std::size_t capacity) {
    return capacity == bench::unbounded ? weft::channel<T>(weft::unbounded) : weft::channel<T>(capacity);
}

} // namespace weft_peer
