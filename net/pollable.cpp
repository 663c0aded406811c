// SPDX-License-Identifier: BSL-1.0
#include "poller/turn.hpp"

#include <weft/net/error.hpp>
#include <weft/net/pollable.hpp>

namespace weft::net {

pollable& pollable::operator=(pollable&& other) noexcept {
    if (this != &other) {
        if (registration_ != nullptr) registration_->disown();
        registration_ = std::exchange(other.registration_, nullptr);
    }
    return *this;
}

pollable::~pollable() {
    if (registration_ != nullptr) registration_->disown();
}

bool pollable::is_open() const noexcept { return registration_ != nullptr && registration_->open(); }

int pollable::native_handle() const noexcept { return is_open() ? registration_->number() : -1; }

std::error_code pollable::do_close() noexcept {
    return outcome::to_error_code(registration_ == nullptr ? outcome::closed : registration_->close());
}

void pollable::set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes) {
    const visit inside(registration_);
    if (inside.result() != outcome::done)
        throw io_error(outcome::to_error_code(inside.result()), "set_deadline");
    if (of_reads) registration_->set_deadline(flow::in, deadline);
    if (of_writes) registration_->set_deadline(flow::out, deadline);
}

} // namespace weft::net
