// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/closable.hpp>

#include <system_error>
#include <utility>

namespace weft::net {

class registration;

// What all that owns a descriptor has in common. Thread-safe but for being moved and destroyed. An object
// that was moved from, or came from a failed connect or accept, is not open: calls on it fail with
// bad_file_descriptor. The descriptor's number is given back when, after close(), the last call has left.
class [[gnu::visibility("default")]] pollable : public closable<pollable> {
public:
    pollable(const pollable&) = delete;
    pollable& operator=(const pollable&) = delete;

    bool is_open() const noexcept;
    // -1 if it is not open. Valid until close(), whoever else calls that.
    int native_handle() const noexcept;

protected:
    friend class closable<pollable>;
    friend struct pollable_access;

    pollable() noexcept = default;
    explicit pollable(registration& of) noexcept : registration_(&of) {}
    pollable(pollable&& other) noexcept : registration_(std::exchange(other.registration_, nullptr)) {}
    pollable& operator=(pollable&& other) noexcept;
    ~pollable();

    void set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes);

    registration* registration_ = nullptr;

private:
    std::error_code do_close() noexcept;
};

} // namespace weft::net
