// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdexcept>
#include <string>

namespace weft {

// How an attempt on a channel ended that does not wait for ever.
enum class channel_status { ok, full, empty, closed, timeout };

// A send on a closed channel, or its second close.
struct [[gnu::visibility("default")]] channel_closed : std::logic_error {
    explicit channel_closed(const char* operation)
        : std::logic_error(std::string("weft::channel::") + operation + ": the channel is closed") {}
};

// The close of a nil channel.
struct [[gnu::visibility("default")]] channel_nil : std::logic_error {
    explicit channel_nil(const char* operation)
        : std::logic_error(std::string("weft::channel::") + operation + ": the channel is nil") {}
};

} // namespace weft
