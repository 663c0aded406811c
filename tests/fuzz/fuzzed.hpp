// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancelled.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

// What the fuzzers share. An input has two parts: instructions, a byte each, and the data they are about.
namespace weft::fuzz {

inline void check(bool right, const char* what) {
    if (right) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

// The first byte says how many instructions there are. Used up, they are zeros.
class input {
public:
    explicit input(std::span<const std::uint8_t> bytes) {
        if (bytes.empty()) return;
        const std::size_t count = std::min<std::size_t>(bytes[0], bytes.size() - 1);
        instructions_ = bytes.subspan(1, count);
        const auto rest = bytes.subspan(1 + count);
        data_.assign(reinterpret_cast<const char*>(rest.data()), rest.size());
    }
    unsigned next() {
        if (instructions_.empty()) return 0;
        const unsigned first = instructions_[0];
        instructions_ = instructions_.subspan(1);
        return first;
    }
    bool has_more() const { return !instructions_.empty(); }
    const std::string& data() const { return data_; }

private:
    std::span<const std::uint8_t> instructions_;
    std::string data_;
};

inline const std::error_code trouble = std::make_error_code(std::errc::connection_reset);

// A stream in memory. An instruction says how many bytes a read gives, and which calls fail or are cancelled, writes after some
// of their bytes: the last three bits what happens, the others how much of it.
class stream {
public:
    stream(input& from, std::string_view incoming) : instructions_(from), incoming_(incoming) {}

    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) {
        on_read();
        const unsigned instruction = instructions_.next();
        if (cut_short(instruction, 0, ec)) return 0;
        const std::size_t most = instruction % 2 == 1 ? 1 + instruction / 8 : to.size();
        const std::string_view part = incoming_.substr(given_, std::min(most, to.size()));
        std::copy_n(std::as_bytes(std::span(part)).begin(), part.size(), to.begin());
        given_ += part.size();
        return part.size();
    }
    std::size_t write_all(std::span<const std::byte> from, std::error_code& ec) {
        const unsigned instruction = instructions_.next();
        const bool all = instruction % 8 < fails || from.empty();
        const std::size_t count = all ? from.size() : instruction / 8 % from.size();
        written.append(reinterpret_cast<const char*>(from.data()), count);
        cut_short(all ? 0 : instruction, count, ec);
        return count;
    }

    std::size_t given() const { return given_; } // bytes, by all reads together
    std::function<void()> on_read = [] {};
    std::string written;

private:
    static constexpr unsigned fails = 6;
    static constexpr unsigned is_cancelled = 7;

    static bool cut_short(unsigned instruction, std::size_t done, std::error_code& ec) {
        ec.clear();
        if (instruction % 8 == fails) ec = trouble;
        if (instruction % 8 != is_cancelled) return static_cast<bool>(ec);
        cancelled early("as instructed");
        early.set_transferred(done);
        throw early;
    }

    input& instructions_;
    std::string_view incoming_;
    std::size_t given_ = 0;
};

// Repeats a call until it is not cut short by the stream. call(ec) gives its result.
template <class Call>
auto insist(std::error_code& ec, Call call) {
    for (;;) {
        try {
            auto result = call(ec);
            if (ec != trouble) return result;
        } catch (const cancelled&) {}
    }
}

} // namespace weft::fuzz
