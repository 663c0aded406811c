// SPDX-License-Identifier: BSL-1.0
#include "transfer.hpp"

#include "poller/turn.hpp"

#include <weft/backend/sys.hpp>
#include <weft/cancelled.hpp>

#include <algorithm>
#include <array>

namespace weft::net {
namespace {

// What one system call is asked to move; Linux does at most 2 GiB minus a page.
constexpr std::size_t largest_request = std::size_t{1} << 30;

// Of a file at a time: what is not in memory is read from the disk by the calling worker.
constexpr std::size_t largest_file_portion = std::size_t{1} << 20;

long receive(turn& mine, std::span<std::byte> to) {
    registration& from = mine.target();
    const std::size_t asked = std::min(to.size(), largest_request);
    return mine.perform(asked, [&] {
        return from.traits().socket ? sys::recv(from.number(), to.data(), asked)
                                    : sys::read(from.number(), to.data(), asked);
    });
}

long write_no_signal(int fd, const std::byte* from, std::size_t size) noexcept {
    const iovec one{.iov_base = const_cast<std::byte*>(from), .iov_len = size};
    return sys::write_gather_no_signal(fd, &one, 1);
}

long send(turn& mine, std::span<const std::byte> from) {
    registration& to = mine.target();
    const std::size_t asked = std::min(from.size(), largest_request);
    return mine.perform(asked, [&] {
        return to.traits().socket   ? sys::send(to.number(), from.data(), asked)
            : to.traits().no_signal ? write_no_signal(to.number(), from.data(), asked)
                                    : sys::write(to.number(), from.data(), asked);
    });
}

// What is left of the pieces, in portions that one system call takes.
class gathering {
public:
    explicit gathering(std::span<const std::span<const std::byte>> pieces) noexcept : pieces_(pieces) {}

    // False: nothing is left.
    bool next_portion() noexcept {
        count_ = bytes_ = 0;
        std::size_t offset = offset_;
        for (const auto piece : pieces_) {
            if (count_ == parts_.size()) break;
            const auto rest = piece.subspan(offset);
            offset = 0;
            const std::size_t size = std::min(rest.size(), largest_request - bytes_);
            if (size == 0) continue;
            parts_[count_++] = {.iov_base = const_cast<std::byte*>(rest.data()), .iov_len = size};
            bytes_ += size;
        }
        return count_ != 0;
    }
    void advance(std::size_t bytes) noexcept {
        offset_ += bytes;
        while (!pieces_.empty() && offset_ >= pieces_.front().size()) {
            offset_ -= pieces_.front().size();
            pieces_ = pieces_.subspan(1);
        }
    }
    std::span<const iovec> parts() const noexcept { return std::span(parts_).first(count_); }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    std::span<const std::span<const std::byte>> pieces_;
    std::size_t offset_ = 0; // into the first
    std::array<iovec, 64> parts_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
};

long send(turn& mine, const gathering& from) {
    registration& to = mine.target();
    const auto parts = from.parts();
    return mine.perform(from.bytes(), [&] {
        const int count = static_cast<int>(parts.size());
        return to.traits().socket   ? sys::send_gather(to.number(), parts.data(), parts.size())
            : to.traits().no_signal ? sys::write_gather_no_signal(to.number(), parts.data(), count)
                                    : sys::write_gather(to.number(), parts.data(), count);
    });
}

transfer one(long outcome) noexcept {
    return {.bytes = outcome > 0 ? static_cast<std::size_t>(outcome) : 0, .outcome = outcome};
}

// Moves until move(transfer&) has nothing left; who is cancelled is told how far it came.
template <class Move>
transfer move_all(turn& mine, Move move) {
    transfer result = one(mine.take());
    try {
        while (result.outcome >= 0 && move(result)) continue;
    } catch (cancelled& early) {
        early.set_transferred(result.bytes);
        throw;
    }
    return result;
}

} // namespace

transfer read_some(registration* from, std::span<std::byte> to) {
    turn mine(from, flow::in);
    const long taken = mine.take();
    if (taken != outcome::done || to.empty()) return one(taken);
    return one(receive(mine, to));
}

transfer read_exactly(registration* from, std::span<std::byte> to) {
    turn mine(from, flow::in);
    return move_all(mine, [&](transfer& result) {
        if (result.bytes == to.size()) return false;
        result.outcome = receive(mine, to.subspan(result.bytes));
        if (result.outcome > 0) result.bytes += static_cast<std::size_t>(result.outcome);
        if (result.outcome == 0)
            result.outcome = outcome::of(result.bytes == 0 ? errc::eof : errc::unexpected_eof);
        return true;
    });
}

transfer write_some(registration* to, std::span<const std::byte> from) {
    turn mine(to, flow::out);
    const long taken = mine.take();
    if (taken != outcome::done || from.empty()) return one(taken);
    return one(send(mine, from));
}

transfer write_all(registration* to, std::span<const std::byte> from) {
    turn mine(to, flow::out);
    return move_all(mine, [&](transfer& result) {
        if (result.bytes == from.size()) return false;
        result.outcome = send(mine, from.subspan(result.bytes));
        if (result.outcome > 0) result.bytes += static_cast<std::size_t>(result.outcome);
        return true;
    });
}

transfer write_all(registration* to, std::span<const std::span<const std::byte>> pieces) {
    turn mine(to, flow::out);
    gathering rest(pieces);
    return move_all(mine, [&](transfer& result) {
        if (!rest.next_portion()) return false;
        result.outcome = send(mine, rest);
        if (result.outcome > 0) {
            result.bytes += static_cast<std::size_t>(result.outcome);
            rest.advance(static_cast<std::size_t>(result.outcome));
        }
        return true;
    });
}

transfer send_file(registration* to, int from, std::uint64_t offset, std::uint64_t count) {
    turn mine(to, flow::out);
    return move_all(mine, [&](transfer& result) {
        if (result.bytes == count) return false;
        const auto asked =
            static_cast<std::size_t>(std::min<std::uint64_t>(count - result.bytes, largest_file_portion));
        result.outcome =
            mine.perform(0, [&] { return sys::send_file(to->number(), from, offset + result.bytes, asked); });
        if (result.outcome > 0) result.bytes += static_cast<std::size_t>(result.outcome);
        return result.outcome != 0;
    });
}

} // namespace weft::net
