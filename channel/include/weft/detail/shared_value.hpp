// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/counted.hpp>

#include <optional>
#include <utility>

namespace weft::detail {

// A value that many may look at at the same time, outside of any lock.
class [[gnu::visibility("default")]] shared_value : public counted {
public:
    // Moves *from, a T, in. If that throws, both are as before.
    virtual void load(void* from) = 0;
};

template <class T>
class shared_value_of final : public shared_value {
public:
    void load(void* from) override { value_.emplace(std::move(*static_cast<T*>(from))); }

    // Loaded.
    T& get() noexcept { return *value_; } // NOLINT(bugprone-unchecked-optional-access)

private:
    std::optional<T> value_;
};

} // namespace weft::detail
