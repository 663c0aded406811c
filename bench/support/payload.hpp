// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/peer_program.hpp"

#include <array>
#include <memory>
#include <type_traits>

// What goes through the channels: a number, alone or in a larger or move-only item.
namespace bench {

using block = std::array<int, 16>;

template <class T>
T item_of(std::size_t number) {
    const int value = static_cast<int>(number);
    if constexpr (std::is_same_v<T, block>)
        return {value};
    else if constexpr (std::is_same_v<T, std::unique_ptr<int>>)
        return std::make_unique<int>(value);
    else
        return value;
}

inline std::size_t number_of(int item) { return static_cast<std::size_t>(item); }
inline std::size_t number_of(const block& item) { return number_of(item.front()); }
inline std::size_t number_of(const std::unique_ptr<int>& item) { return number_of(*item); }

// Calls f with a std::type_identity of the payload.
template <class F>
figures with_payload(payload_kind payload, F f) {
    switch (payload) {
    case payload_kind::block: return f(std::type_identity<block>{});
    case payload_kind::unique: return f(std::type_identity<std::unique_ptr<int>>{});
    case payload_kind::number: break;
    }
    return f(std::type_identity<int>{});
}

} // namespace bench
