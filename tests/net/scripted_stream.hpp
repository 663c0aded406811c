// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancelled.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace weft::test {

inline std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A stream in memory that does what it was told. Each read takes one step: it gives of a step's bytes what there is room for,
// and leaves the rest to the next read; or it fails, or is cancelled. After the last step comes the end. Writes are taken
// until `room` is used up, then fail once with `full`, or are cancelled if that is no error.
class scripted_stream {
public:
    struct cancel {};
    using step = std::variant<std::string, std::error_code, cancel>;

    scripted_stream() = default;
    explicit scripted_stream(std::vector<step> steps) : steps_(steps.begin(), steps.end()) {}
    // The text, so many bytes a read.
    scripted_stream(std::string_view text, std::size_t size) {
        for (std::size_t at = 0; at < text.size(); at += size) then(std::string(text.substr(at, size)));
    }
    scripted_stream(scripted_stream&&) = default;
    scripted_stream& operator=(scripted_stream&&) = default;

    scripted_stream& then(step next) {
        steps_.push_back(std::move(next));
        return *this;
    }

    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) {
        ec.clear();
        asked.push_back(to.size());
        if (steps_.empty()) return 0;
        step& next = steps_.front();
        if (auto* const text = std::get_if<std::string>(&next)) {
            const std::size_t count = std::min(text->size(), to.size());
            std::copy_n(std::as_bytes(std::span(*text)).begin(), count, to.begin());
            text->erase(0, count);
            if (text->empty()) steps_.pop_front();
            return count;
        }
        const step last = std::move(next);
        steps_.pop_front();
        if (std::holds_alternative<cancel>(last)) throw cancelled("as the script says");
        ec = std::get<std::error_code>(last);
        return 0;
    }

    std::size_t write_all(std::span<const std::byte> from, std::error_code& ec) {
        ec.clear();
        const std::size_t count = std::min(from.size(), room);
        room -= count;
        if (count != 0) written.emplace_back(text_of(from.first(count)));
        if (count == from.size()) return count;
        room = std::numeric_limits<std::size_t>::max();
        if (!full) {
            cancelled early("as the script says");
            early.set_transferred(count);
            throw early;
        }
        ec = full;
        return count;
    }

    std::string all_written() const {
        std::string all;
        for (const std::string& each : written) all += each;
        return all;
    }

    std::vector<std::size_t> asked;   // the room that each read had
    std::vector<std::string> written; // what each write gave
    std::size_t room = std::numeric_limits<std::size_t>::max();
    std::error_code full;

private:
    std::deque<step> steps_;
};

} // namespace weft::test
