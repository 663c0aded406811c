// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <system_error>
#include <type_traits>

namespace weft::net {

// What goes wrong here beyond what the system reports. The system's own errors are in std::system_category.
enum class errc {
    eof = 1,           // the stream ended where something more was asked for
    unexpected_eof,    // it ended in the middle of something
    deadline_exceeded, // the stream's deadline passed; equivalent to the condition std::errc::timed_out
    message_too_long,  // equivalent to the condition std::errc::message_size
};

[[gnu::visibility("default")]] const std::error_category& error_category() noexcept;
inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

// Thrown by the calls of this namespace that reach the system.
class [[gnu::visibility("default")]] io_error : public std::system_error {
public:
    io_error(std::error_code code, const std::string& what, std::size_t transferred = 0)
        : std::system_error(code, what),
          transferred_(transferred) {}

    // Bytes read into the buffer, or given to the system, before the failure.
    std::size_t transferred() const noexcept { return transferred_; }

private:
    std::size_t transferred_;
};

} // namespace weft::net

template <>
struct std::is_error_code_enum<weft::net::errc> : std::true_type {};
