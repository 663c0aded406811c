// SPDX-License-Identifier: BSL-1.0
#include <weft/resilience/singleflight.hpp>

#include <stdexcept>

namespace weft::detail {

void throw_flies_already() {
    throw std::logic_error(
        "singleflight: run from within a run of the same key, which would wait for itself");
}

} // namespace weft::detail
