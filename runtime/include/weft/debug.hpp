// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <iosfwd>

namespace weft::debug {

// Writes every fiber of every runtime of the process: id, name, state, what it waits for and for how long (to some
// milliseconds), where it was spawned, its stack trace. Each fiber is seen at one instant, the whole is not: others run on
// meanwhile. May be called from anywhere but a signal handler.
[[gnu::visibility("default")]] void dump(std::ostream& out);

} // namespace weft::debug
