// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/pollable.hpp>
#include <weft/net/stream_interface.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

namespace weft::net {

// A stream of bytes over a descriptor: what tcp_stream and descriptor share. shutdown() is for sockets only.
class [[gnu::visibility("default")]] byte_stream : public pollable, public stream_interface<byte_stream> {
public:
    // Bytes [offset, offset + count) of an open file, which is read from the offset whatever its position is, without a
    // detour through this process; nobody else's bytes in between. Fewer if the file ends before. Pages that are not in
    // memory are read from the disk by the calling thread. invalid_argument: the system cannot do it from that
    // descriptor; nothing was sent then.
    std::uint64_t send_file(int from, std::uint64_t offset, std::uint64_t count);
    std::uint64_t send_file(int from, std::uint64_t offset, std::uint64_t count, std::error_code& ec);

    // A call that begins to wait afterwards, and waits longer than this, fails with errc::deadline_exceeded; the next one may
    // wait as long again. Zero or less: no limit. Beside the deadlines; never blocks. Throws io_error (bad_file_descriptor).
    template <class Rep, class Period>
    void set_idle_timeout(std::chrono::duration<Rep, Period> longest) {
        set_idle(to_clock_duration(longest));
    }

protected:
    using pollable::pollable;
    byte_stream() noexcept = default;
    byte_stream(byte_stream&&) noexcept = default;
    byte_stream& operator=(byte_stream&&) noexcept = default;
    ~byte_stream() = default;

private:
    friend class stream_interface<byte_stream>;
    friend class directed_deadlines<byte_stream>;

    detail::transfer do_read_some(std::span<std::byte> to);
    detail::transfer do_read_exactly(std::span<std::byte> to);
    detail::transfer do_write_some(std::span<const std::byte> from);
    detail::transfer do_write_all(std::span<const std::byte> from);
    detail::transfer do_write_pieces(std::span<const std::span<const std::byte>> pieces);
    void set_idle(clock::duration longest);
    std::error_code do_shutdown(direction which) noexcept;
};

} // namespace weft::net
