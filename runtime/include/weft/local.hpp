// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>

namespace weft {

namespace detail {

using local_deleter = void (*)(void*) noexcept;
// The calling fiber's (on a plain thread: the thread's) value under this key; nullptr: none yet.
[[gnu::visibility("default")]] void* find_local(const void* key) noexcept;
// Takes ownership of the value, also when it throws std::bad_alloc.
[[gnu::visibility("default")]] void add_local(const void* key, void* value, local_deleter deleter);

} // namespace detail

// One T a fiber (on plain threads: one a thread), default-constructed where it is first used, destroyed when the fiber ends,
// in the opposite order, on the fiber. Never blocks. Thread-safe in itself: each caller sees its own T. A fiber_local must
// outlive its use; it may be used again for another purpose only after all fibers that used it have ended, so make it static.
template <class T>
class fiber_local {
public:
    fiber_local() = default;
    fiber_local(const fiber_local&) = delete;
    fiber_local& operator=(const fiber_local&) = delete;

    T& operator*() const { return *get(); }
    T* operator->() const { return get(); }

private:
    T* get() const {
        if (void* value = detail::find_local(this)) return static_cast<T*>(value);
        auto made = std::make_unique<T>();
        T* value = made.get();
        detail::add_local(this, made.release(), [](void* old) noexcept { delete static_cast<T*>(old); });
        return value;
    }
};

} // namespace weft
