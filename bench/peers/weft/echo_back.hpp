// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <system_error>

namespace weft_peer {

// Ends at the client's end of stream or at any error.
template <class Stream>
void echo_back(Stream connection) {
    std::array<std::byte, 4096> buffer;
    std::error_code error;
    while (const std::size_t got = connection.read_some(buffer, error)) {
        connection.write_all(std::span(buffer).first(got), error);
        if (error) return;
    }
}

} // namespace weft_peer
