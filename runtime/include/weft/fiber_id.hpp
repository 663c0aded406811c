// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/source_location.hpp>

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

namespace weft {

// Names a fiber for as long as the program runs; never given twice. The default value, 0, names none: a plain thread.
class fiber_id {
public:
    constexpr fiber_id() noexcept = default;
    constexpr explicit fiber_id(std::uint64_t value) noexcept : value_(value) {}
    constexpr std::uint64_t value() const noexcept { return value_; }
    constexpr auto operator<=>(const fiber_id&) const noexcept = default;
    friend std::ostream& operator<<(std::ostream& out, fiber_id id) { return out << id.value_; }

private:
    std::uint64_t value_ = 0;
};

// Who a fiber is, for reports and for options::on_unhandled.
struct fiber_info {
    fiber_id id;
    std::string name;         // empty: it has none
    source_location where;    // where it was spawned; line() is 0 if only `spawned_from` is known
    std::string spawned_from; // the place that spawned it: file:line, or the symbolised return address
};

} // namespace weft

template <>
struct std::hash<weft::fiber_id> {
    std::size_t operator()(weft::fiber_id id) const noexcept {
        return std::hash<std::uint64_t>()(id.value());
    }
};
