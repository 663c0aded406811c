// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/run.hpp>

namespace weft {

// Fills what was left at its default from the environment and the machine. Throws std::invalid_argument that names the value
// and where it came from.
options settle(options given);

} // namespace weft
