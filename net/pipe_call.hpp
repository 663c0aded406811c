// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "flow.hpp"

#include <weft/waiting/wait_queue.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace weft::net {

enum class extent : bool { some, all };

// One read or write of a pipe: what is left to do of it. Lies in the caller's frame.
class pipe_call {
public:
    pipe_call(std::span<std::byte> to, extent wanted) noexcept
        : direction_(flow::in),
          wanted_(wanted),
          left_(to.size()),
          to_(to.data()) {}
    pipe_call(std::span<const std::span<const std::byte>> from, extent wanted) noexcept
        : direction_(flow::out),
          wanted_(wanted),
          from_(from) {
        for (const auto piece : from) left_ += piece.size();
    }

    flow direction() const noexcept { return direction_; }
    extent wanted() const noexcept { return wanted_; }
    std::size_t left() const noexcept { return left_; }
    std::size_t moved() const noexcept { return moved_; }

    bool is_complete() const noexcept { return left_ == 0 || (wanted_ == extent::some && moved_ != 0); }
    bool completed_by(std::size_t bytes) const noexcept { return bytes == left_ || wanted_ == extent::some; }

    // The bytes are no more than what is left of either.
    static void carry(std::size_t bytes, pipe_call& writing, pipe_call& reading) noexcept {
        writing.count(bytes);
        reading.count(bytes);
        while (bytes != 0) {
            const auto piece = writing.from_.front().subspan(writing.offset_);
            const std::size_t size = std::min(bytes, piece.size());
            reading.to_ = std::copy_n(piece.data(), size, reading.to_);
            bytes -= size;
            writing.offset_ += size;
            if (size == piece.size()) {
                writing.from_ = writing.from_.subspan(1);
                writing.offset_ = 0;
            }
        }
    }

    wait_node node;

private:
    void count(std::size_t bytes) noexcept {
        left_ -= bytes;
        moved_ += bytes;
    }

    flow direction_;
    extent wanted_;
    std::size_t left_ = 0;
    std::size_t moved_ = 0;
    std::byte* to_ = nullptr;                          // of a read
    std::span<const std::span<const std::byte>> from_; // of a write
    std::size_t offset_ = 0;                           // into the first of from_
};

} // namespace weft::net
