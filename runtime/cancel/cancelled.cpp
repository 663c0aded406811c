// SPDX-License-Identifier: BSL-1.0
#include <weft/cancelled.hpp>

#include <utility>

namespace weft {
namespace {

std::string text_of(const std::exception_ptr& cause) {
    if (cause == nullptr) return "cancelled";
    try {
        std::rethrow_exception(cause);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "cancelled because of an exception that is not a std::exception";
    }
}

} // namespace

cancelled::cancelled(const std::string& reason, std::exception_ptr cause)
    : cancelled(std::make_shared<const std::string>(reason), std::move(cause)) {}

cancelled::cancelled(std::shared_ptr<const std::string> reason, std::exception_ptr cause) noexcept
    : reason_(std::move(reason)),
      cause_(std::move(cause)) {}

const char* cancelled::what() const noexcept { return reason_ == nullptr ? "cancelled" : reason_->c_str(); }

cancel_reason::cancel_reason(const std::string& text) : text_(std::make_shared<const std::string>(text)) {}

cancel_reason::cancel_reason(std::exception_ptr cause)
    : text_(std::make_shared<const std::string>(text_of(cause))),
      cause_(std::move(cause)) {}

cancel_reason::cancel_reason(const cancelled& thrown)
    : text_(thrown.reason_),
      cause_(thrown.cause_),
      timed_out_(dynamic_cast<const timed_out*>(&thrown) != nullptr) {}

cancel_reason cancel_reason::deadline(const std::string& text) {
    cancel_reason made(text);
    made.timed_out_ = true;
    return made;
}

void cancel_reason::raise() const {
    if (timed_out_) throw timed_out(text_, cause_);
    throw cancelled(text_, cause_);
}

} // namespace weft
