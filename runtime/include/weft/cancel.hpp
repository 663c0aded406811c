// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <exception>
#include <memory>
#include <string>

namespace weft {

// Thrown by the blocking calls of a fiber that has been cancelled. Level-triggered: each further blocking call throws it anew,
// so swallowing it loses nothing. A fiber that ends by it has not failed: it is never an unhandled exception.
class [[gnu::visibility("default")]] cancelled : public std::exception {
public:
    explicit cancelled(const std::string& reason = "cancelled", std::exception_ptr cause = nullptr);
    const char* what() const noexcept override;
    // The exception given as the reason; null if the reason was a text.
    std::exception_ptr cause() const noexcept { return cause_; }

private:
    std::shared_ptr<const std::string> reason_;
    std::exception_ptr cause_;
};

} // namespace weft
