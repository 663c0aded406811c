// SPDX-License-Identifier: BSL-1.0
#include "poller/outcome.hpp"

#include <weft/net/error.hpp>
#include <weft/net/stream_interface.hpp>

namespace weft::net::detail {

std::error_code transfer::error() const noexcept { return outcome::to_error_code(this->outcome); }

void throw_io_error(std::error_code code, const char* what, std::size_t transferred) {
    throw io_error(code, what, transferred);
}

} // namespace weft::net::detail
