// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net.hpp>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

// What the game servers and their clients say to each other: lines of text over a connection.
class line_stream {
public:
    explicit line_stream(weft::net::tcp_stream connection) : connection_(std::move(connection)) {}

    // The next line, without its end; nullopt: the peer has gone. What a cancelled call had received stays
    // here for the next one.
    std::optional<std::string> read() {
        for (;;) {
            if (std::optional<std::string> line = next()) return line;
            if (!fill()) return std::nullopt;
        }
    }
    void send(std::string line) { write(line += '\n'); }

    // The same in smaller steps: wait for bytes (false: the end), take a line that has come, send text as
    // it is.
    bool fill() {
        std::array<std::byte, 1024> part;
        const std::size_t size = connection_.read_some(part);
        received_.append(reinterpret_cast<const char*>(part.data()), size);
        return size > 0;
    }
    std::optional<std::string> next() {
        const std::size_t end = received_.find('\n');
        if (end == std::string::npos) return std::nullopt;
        std::string line = received_.substr(0, end);
        received_.erase(0, end + 1);
        return line;
    }
    void write(std::string_view text) { connection_.write_all(std::as_bytes(std::span(text))); }

    const weft::net::tcp_stream& connection() const { return connection_; }

private:
    weft::net::tcp_stream connection_;
    std::string received_;
};
