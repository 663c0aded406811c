// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>

namespace weft {

// Thrown by the blocking calls of a fiber or thread whose work was cancelled: by its handle, by a token of a cancel_scope it is in,
// by the end of the runtime. Level-triggered: each further blocking call there throws it anew, so swallowing it loses nothing. A
// fiber that ends by it has not failed: it is never an unhandled exception.
class [[gnu::visibility("default")]] cancelled : public std::exception {
public:
    explicit cancelled(const std::string& reason = "cancelled", std::exception_ptr cause = nullptr);
    cancelled(std::shared_ptr<const std::string> reason, std::exception_ptr cause) noexcept;
    const char* what() const noexcept override;
    // The exception given as the reason; null if the reason was a text.
    std::exception_ptr cause() const noexcept { return cause_; }
    // How many bytes the call had read into its buffer, or given to the system, before; 0 for calls that move none.
    std::size_t transferred() const noexcept { return transferred_; }
    void set_transferred(std::size_t bytes) noexcept { transferred_ = bytes; }

private:
    friend class cancel_reason;
    std::shared_ptr<const std::string> reason_;
    std::exception_ptr cause_;
    std::size_t transferred_ = 0;
};

// The same because of a deadline: of with_timeout or with_deadline.
class [[gnu::visibility("default")]] timed_out : public cancelled {
public:
    using cancelled::cancelled;
};

// Why something is cancelled: a text, or an exception, which is then the cause() of what is thrown, and gives its text. Shared by
// all who are cancelled for it.
class [[gnu::visibility("default")]] cancel_reason {
public:
    cancel_reason() = default;
    cancel_reason(const std::string& text); // NOLINT(google-explicit-constructor)
    cancel_reason(const char* text)
        : cancel_reason(std::string(text)) {} // NOLINT(google-explicit-constructor)
    cancel_reason(std::exception_ptr cause);  // NOLINT(google-explicit-constructor)
    // What raise() throws is like it.
    explicit cancel_reason(const cancelled& thrown);
    static cancel_reason deadline(const std::string& text);

    // Throws `cancelled`, or timed_out.
    [[noreturn]] void raise() const;

private:
    std::shared_ptr<const std::string> text_;
    std::exception_ptr cause_;
    bool timed_out_ = false;
};

} // namespace weft
