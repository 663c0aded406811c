// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct bio_st;

namespace weft::net {

// What OpenSSL reads from and writes to: memory. An idle connection keeps none. Guarded by whatever guards the SSL object.
class ciphertext {
public:
    ciphertext() = default;
    ciphertext(const ciphertext&) = delete;
    ciphertext& operator=(const ciphertext&) = delete;

    // A BIO on it, which must not outlive it; nullptr: no memory. OpenSSL's own memory BIO copies once more, and never shrinks.
    bio_st* new_bio();

    // What came. All that came before has been read.
    void arrived(std::unique_ptr<std::byte[]> block, std::size_t size) noexcept {
        block_ = std::move(block);
        unread_ = {block_.get(), size};
    }
    // Takes what is to be sent, in exchange for an empty vector.
    void take_outgoing(std::vector<std::byte>& empty) noexcept { outgoing_.swap(empty); }
    bool all_read() const noexcept { return unread_.empty(); }
    bool has_outgoing() const noexcept { return !outgoing_.empty(); }
    // How much there was to be sent, ever.
    std::uint64_t produced() const noexcept { return produced_; }

private:
    struct bio_calls;

    std::unique_ptr<std::byte[]> block_;
    std::span<const std::byte> unread_;
    std::vector<std::byte> outgoing_;
    std::uint64_t produced_ = 0;
};

} // namespace weft::net
