// SPDX-License-Identifier: BSL-1.0
#include <weft/debug.hpp>

#include <csignal>
#include <iostream>

#include <unistd.h>

// A test that exceeds its limit gets SIGTERM from Meson: it then says what every fiber waits for. Not async-signal-safe, which
// a process that is killed anyway can afford; the alarm ends one that hangs here, too.
namespace {

void dump_and_end(int) {
    ::alarm(10);
    std::cerr << "the test hangs; its fibers:\n";
    weft::debug::dump(std::cerr);
    std::cerr.flush();
    ::_exit(1);
}

[[maybe_unused]] const auto installed = std::signal(SIGTERM, &dump_and_end);

} // namespace
