// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/detail/any_stream.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft::net::detail {

// What a buffer says of a text that ends with a delimiter.
struct finding {
    std::size_t text;      // its size; if its end is not there yet, the least that it can come to
    std::size_t delimiter; // 0: not there yet
};

// What was read from a stream and not yet asked for, and the calls that are served from it: all of a buffered_reader
// that does not depend on the stream's type. A byte leaves it only with a call that succeeds.
//
// It is made at the first read, and grows as bytes come, never by what somebody says will come: to less than
// three times what a call has to have before it can be served. It is kept until it is destroyed.
class [[gnu::visibility("default")]] read_buffer {
public:
    read_buffer() noexcept = default;
    read_buffer(read_buffer&& other) noexcept
        : storage_(std::move(other.storage_)),
          capacity_(std::exchange(other.capacity_, 0)),
          begin_(std::exchange(other.begin_, 0)),
          end_(std::exchange(other.end_, 0)) {}
    read_buffer& operator=(read_buffer&& other) noexcept {
        storage_ = std::move(other.storage_);
        capacity_ = std::exchange(other.capacity_, 0);
        begin_ = std::exchange(other.begin_, 0);
        end_ = std::exchange(other.end_, 0);
        return *this;
    }
    ~read_buffer() = default;

    std::size_t size() const noexcept { return end_ - begin_; }
    std::span<const std::byte> bytes() const noexcept { return {storage_.get() + begin_, size()}; }
    void consume(std::size_t count) noexcept;

    // Reads until there are at least so many bytes in it. False, and ec is clear: the stream ended before.
    bool fetch(any_reader from, std::size_t count, std::error_code& ec);

    std::optional<std::string> read_line(any_reader from, std::size_t limit, std::error_code& ec);
    std::optional<std::string> read_until(
        any_reader from, std::string_view delimiter, std::size_t limit, std::error_code& ec);
    std::size_t read_some(any_reader from, std::span<std::byte> to, std::error_code& ec);
    std::size_t read_exactly(any_reader from, std::span<std::byte> to, std::error_code& ec);

private:
    std::string_view text() const noexcept;
    bool read_more(any_reader from, std::error_code& ec);
    template <class Look>
    std::optional<finding> seek(any_reader from, std::size_t limit, std::error_code& ec, Look look);
    std::size_t read_directly(any_reader from, std::span<std::byte> to, std::error_code& ec);
    std::string take_text(const finding& found);
    std::size_t take(std::span<std::byte> to) noexcept;
    void append(std::span<const std::byte> more);
    void make_room(std::size_t more);

    std::unique_ptr<std::byte[]> storage_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0; // the bytes that are there: [begin_, end_)
    std::size_t end_ = 0;
};

} // namespace weft::net::detail
