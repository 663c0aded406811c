// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace weft {

class watchdog;

namespace debug {

// Has SIGQUIT ask this watchdog for a dump, where the signal has its default action. A second install by
// another runtime leaves the first in charge.
void install_sigquit_dump(watchdog& printer) noexcept;
// Gives the signal back once its last installer has removed itself.
void remove_sigquit_dump(watchdog& printer) noexcept;
// By a watchdog: was a dump asked for since the last call?
bool take_dump_request() noexcept;

} // namespace debug
} // namespace weft
