// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <system_error>

// A stream of whatever type, for code that is compiled once. They refer to it, and are made for one call.
namespace weft::net::detail {

class any_reader {
public:
    template <class S>
    explicit any_reader(S& stream) noexcept
        : stream_(std::addressof(stream)),
          read_some_([](void* from, std::span<std::byte> to, std::error_code& ec) -> std::size_t {
              return static_cast<S*>(from)->read_some(to, ec);
          }) {}
    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) const {
        return read_some_(stream_, to, ec);
    }

private:
    void* stream_;
    std::size_t (*read_some_)(void*, std::span<std::byte>, std::error_code&);
};

class any_writer {
public:
    template <class S>
    explicit any_writer(S& stream) noexcept
        : stream_(std::addressof(stream)),
          write_all_([](void* to, std::span<const std::byte> from, std::error_code& ec) -> std::size_t {
              return static_cast<S*>(to)->write_all(from, ec);
          }) {}
    std::size_t write_all(std::span<const std::byte> from, std::error_code& ec) const {
        return write_all_(stream_, from, ec);
    }

private:
    void* stream_;
    std::size_t (*write_all_)(void*, std::span<const std::byte>, std::error_code&);
};

} // namespace weft::net::detail
