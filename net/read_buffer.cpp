// SPDX-License-Identifier: BSL-1.0
#include <weft/net/detail/read_buffer.hpp>
#include <weft/net/error.hpp>
#include <weft/waiting/park.hpp>

#include <algorithm>
#include <stdexcept>

namespace weft::net::detail {
namespace {

constexpr std::size_t first_capacity = 4096;
// A read of so much or more goes straight to where it is wanted.
constexpr std::size_t large_read = first_capacity;

// The first `searched` bytes are known to hold no end.
finding find_line(std::string_view bytes, std::size_t searched) noexcept {
    const std::size_t newline = bytes.find('\n', searched);
    const bool is_there = newline != std::string_view::npos;
    const std::size_t size = is_there ? newline : bytes.size();
    const std::size_t returns = size != 0 && bytes[size - 1] == '\r' ? 1 : 0;
    return {size - returns, is_there ? returns + 1 : 0};
}

// Where the delimiter may have begun at the end of the bytes.
std::size_t begin_of_a_part(std::string_view bytes, std::string_view delimiter) noexcept {
    std::size_t size = std::min(bytes.size(), delimiter.size() - 1);
    while (!bytes.ends_with(delimiter.substr(0, size))) --size;
    return bytes.size() - size;
}

finding find_delimiter(std::string_view bytes, std::string_view delimiter, std::size_t searched) noexcept {
    const std::size_t overlap = std::min(searched, delimiter.size() - 1);
    const std::size_t found = bytes.find(delimiter, searched - overlap);
    if (found != std::string_view::npos) return {found, delimiter.size()};
    return {begin_of_a_part(bytes, delimiter), 0};
}

} // namespace

void read_buffer::consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
}

bool read_buffer::fetch(any_reader from, std::size_t count, std::error_code& ec) {
    begin_operation();
    ec.clear();
    while (size() < count) {
        if (!read_more(from, ec)) return false;
    }
    return true;
}

// Reads until look(bytes, searched), the text so far and how much of it was looked at before, finds the text's end. nullopt,
// and ec is clear: the stream ended before.
template <class Look>
std::optional<finding> read_buffer::seek(any_reader from, std::size_t limit, std::error_code& ec, Look look) {
    begin_operation();
    ec.clear();
    for (std::size_t searched = 0;;) {
        const finding found = look(text(), searched);
        if (found.text > limit) {
            ec = errc::message_too_long;
            return std::nullopt;
        }
        if (found.delimiter != 0) return found;
        searched = size();
        if (!read_more(from, ec)) return std::nullopt;
    }
}

std::optional<std::string> read_buffer::read_line(any_reader from, std::size_t limit, std::error_code& ec) {
    if (const auto found = seek(from, limit, ec, find_line)) return take_text(*found);
    if (ec || size() == 0) return std::nullopt;
    if (size() <= limit) return take_text({size(), 0}); // the last one
    ec = errc::message_too_long;                        // its last byte could have been half of "\r\n"
    return std::nullopt;
}

std::optional<std::string> read_buffer::read_until(
    any_reader from, std::string_view delimiter, std::size_t limit, std::error_code& ec) {
    if (delimiter.empty()) throw std::invalid_argument("weft::net: read_until an empty delimiter");
    const auto look = [delimiter](std::string_view bytes, std::size_t searched) {
        return find_delimiter(bytes, delimiter, searched);
    };
    if (const auto found = seek(from, limit, ec, look)) return take_text(*found);
    if (!ec && size() != 0) ec = errc::unexpected_eof;
    return std::nullopt;
}

std::size_t read_buffer::read_some(any_reader from, std::span<std::byte> to, std::error_code& ec) {
    begin_operation();
    ec.clear();
    if (to.empty()) return 0;
    if (size() == 0) {
        if (to.size() >= large_read) return from.read_some(to, ec);
        if (!read_more(from, ec)) return 0;
    }
    return take(to);
}

std::size_t read_buffer::read_exactly(any_reader from, std::span<std::byte> to, std::error_code& ec) {
    begin_operation();
    ec.clear();
    while (size() < to.size()) {
        if (to.size() - size() >= large_read) return read_directly(from, to, ec);
        if (read_more(from, ec)) continue;
        if (!ec) ec = size() == 0 ? errc::eof : errc::unexpected_eof;
        return 0;
    }
    return take(to);
}

// The bytes that are there stay there until the rest, behind their place, is complete.
std::size_t read_buffer::read_directly(any_reader from, std::span<std::byte> to, std::error_code& ec) {
    const std::span<std::byte> rest = to.subspan(size());
    std::size_t got = 0;
    try {
        while (got < rest.size()) {
            const std::size_t count = from.read_some(rest.subspan(got), ec);
            got += count;
            if (ec || count == 0) break;
        }
    } catch (...) {
        append(rest.first(got));
        throw;
    }
    if (got == rest.size()) {
        take(to);
        return to.size();
    }
    append(rest.first(got));
    if (!ec) ec = size() == 0 ? errc::eof : errc::unexpected_eof;
    return 0;
}

std::string_view read_buffer::text() const noexcept {
    return {reinterpret_cast<const char*>(bytes().data()), size()};
}

std::string read_buffer::take_text(const finding& found) {
    std::string taken(text().substr(0, found.text));
    consume(found.text + found.delimiter);
    return taken;
}

std::size_t read_buffer::take(std::span<std::byte> to) noexcept {
    const std::span<const std::byte> taken = bytes().first(std::min(size(), to.size()));
    std::copy(taken.begin(), taken.end(), to.begin());
    consume(taken.size());
    return taken.size();
}

// False: an error, or the end.
bool read_buffer::read_more(any_reader from, std::error_code& ec) {
    make_room(std::max<std::size_t>(capacity_ / 4, 1));
    const std::size_t count = from.read_some({storage_.get() + end_, capacity_ - end_}, ec);
    end_ += count;
    return count != 0 && !ec;
}

void read_buffer::append(std::span<const std::byte> more) {
    make_room(more.size());
    std::copy(more.begin(), more.end(), storage_.get() + end_);
    end_ += more.size();
}

// What is there moves to the front if that makes the room, and else to more memory. It is asked for only by calls that need
// more than what is there; so between two moves either that has grown, or a call has taken most of it.
void read_buffer::make_room(std::size_t more) {
    if (capacity_ - end_ >= more) return;
    const std::span<const std::byte> there = bytes();
    if (capacity_ - there.size() >= more) {
        std::copy(there.begin(), there.end(), storage_.get());
    } else {
        const std::size_t capacity = std::max({2 * capacity_, there.size() + more, first_capacity});
        auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
        std::copy(there.begin(), there.end(), larger.get());
        storage_ = std::move(larger);
        capacity_ = capacity;
    }
    end_ = there.size();
    begin_ = 0;
}

} // namespace weft::net::detail
