// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "process/child.hpp"

#include <memory>
#include <utility>

namespace weft::net {

// What makes a process, and looks into it.
struct process_access {
    static process make(std::shared_ptr<child> of, descriptor (&pipes)[3]) noexcept {
        process made(std::move(of));
        made.stdin_ = std::move(pipes[0]);
        made.stdout_ = std::move(pipes[1]);
        made.stderr_ = std::move(pipes[2]);
        return made;
    }
    static const std::shared_ptr<child>& child_of(const process& of) noexcept { return of.child_; }
};

} // namespace weft::net
