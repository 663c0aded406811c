// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What the C++ peers share: the command line `SHAPE --workers N --count N [--repeats N] ...` and the output
// `version ...`, `result SHAPE PEER workers=N metric=value ...`, which are those of the Go and tokio programs
// too.
namespace bench {

enum class payload_kind { number, block, unique };

inline constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

struct sizes {
    unsigned workers = 1;
    std::size_t count = 0;
    std::size_t repeats = 0;
    std::size_t min_us = 0;
    std::size_t max_us = 0;
    std::uint16_t port = 0;
    std::size_t capacity = 0; // of a channel
    payload_kind payload = payload_kind::number;
    std::size_t batch = 1;     // datagrams that one system call may move
    std::string certificate{}; // PEM files
    std::string key{};
    // Of the load program.
    std::size_t connections = 0;
    std::size_t seconds = 0;
    int server = 0; // its process
};

struct figure {
    const char* metric;
    double value;
};
using figures = std::vector<figure>;

struct shape {
    std::string_view name;
    figures (*run)(const sizes&);
};

// Runs the shape that the command line names; without one prints the version alone. The result is main's.
int peer_program(
    const char* peer, const char* version, std::span<const shape> shapes, std::span<const char* const> words);

// Written at once, for whoever waits for the line.
void say_listening(std::uint16_t port);

} // namespace bench
