// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace weft {

class waiter;

// For error messages: "fiber 17 'name' (spawned at file:line)", "a thread". `who` may have ended, or have been used again, since
// it was learnt of. Never blocks.
[[gnu::visibility("default")]] std::string describe(const waiter& who);

} // namespace weft
