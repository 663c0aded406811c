// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/sys.hpp>

#include <utility>

namespace weft::net {

// The number of a descriptor that is closed at the end; negative: none.
class owned_number {
public:
    owned_number() noexcept = default;
    explicit owned_number(int fd) noexcept : fd_(fd) {}
    owned_number(owned_number&& other) noexcept : fd_(other.release()) {}
    owned_number& operator=(owned_number&& other) noexcept {
        owned_number(std::move(other)).swap(*this);
        return *this;
    }
    ~owned_number() {
        if (fd_ >= 0) sys::close(fd_);
    }

    int number() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void swap(owned_number& other) noexcept { std::swap(fd_, other.fd_); }

private:
    int fd_ = -1;
};

} // namespace weft::net
