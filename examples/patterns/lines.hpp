// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net.hpp>

#include <optional>
#include <span>
#include <string>
#include <utility>

// What the game servers and their clients are to each other: lines of text over a connection.
class line_stream {
public:
    explicit line_stream(weft::net::tcp_stream connection) : received_(std::move(connection), 1024) {}

    std::optional<std::string> read() { return received_.read_line(); } // nullopt: the peer has gone
    void send(std::string line) { received_.next_layer().write_all(std::as_bytes(std::span(line += '\n'))); }

private:
    weft::net::buffered_reader<weft::net::tcp_stream> received_;
};
