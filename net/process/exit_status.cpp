// SPDX-License-Identifier: BSL-1.0
#include <weft/backend/sys.hpp>
#include <weft/net/process.hpp>

namespace weft::net {

std::string exit_status::to_string() const {
    if (signal_ == 0) return "exit code " + std::to_string(code_);
    std::string text = "signal " + std::to_string(signal_);
    if (const char* name = sys::signal_name(signal_)) text.append(" (SIG").append(name).append(")");
    return text;
}

} // namespace weft::net
