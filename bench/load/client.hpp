// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "load/message.hpp"

#include <utility>

namespace load {

// A connection on which a message goes to and fro.
class client {
public:
    explicit client(int fd) noexcept : fd_(fd) {}
    client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), message_(other.message_) {}
    client& operator=(client&&) = delete;
    ~client();

    void ask();
    bool answered();
    void await_answer();

private:
    int fd_;
    message message_;
};

} // namespace load
