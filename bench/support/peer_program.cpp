// SPDX-License-Identifier: BSL-1.0
#include "support/peer_program.hpp"

#include "support/measure.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <string>

namespace bench {
namespace {

std::size_t number(std::string_view name, std::string_view word, std::size_t most) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || value > most)
        fail(std::string(name) + " takes a number up to " + std::to_string(most));
    return value;
}

payload_kind payload(std::string_view word) {
    if (word == "int") return payload_kind::number;
    if (word == "64") return payload_kind::block;
    if (word == "unique") return payload_kind::unique;
    fail("there is no payload '" + std::string(word) + "'");
}

sizes parse(std::span<const char* const> words) {
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    sizes size;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string_view name = words[i];
        const std::string_view value = i + 1 < words.size() ? words[i + 1] : "";
        if (name == "--workers")
            size.workers = static_cast<unsigned>(number(name, value, 1024));
        else if (name == "--count")
            size.count = number(name, value, any);
        else if (name == "--repeats")
            size.repeats = number(name, value, any);
        else if (name == "--min-us")
            size.min_us = number(name, value, any);
        else if (name == "--max-us")
            size.max_us = number(name, value, any);
        else if (name == "--port")
            size.port = static_cast<std::uint16_t>(number(name, value, 65535));
        else if (name == "--capacity")
            size.capacity = value == "unbounded" ? unbounded : number(name, value, any - 1);
        else if (name == "--payload")
            size.payload = payload(value);
        else if (name == "--batch")
            size.batch = number(name, value, 1024);
        else if (name == "--certificate")
            size.certificate = value;
        else if (name == "--key")
            size.key = value;
        else if (name == "--connections")
            size.connections = number(name, value, 1'000'000);
        else if (name == "--seconds")
            size.seconds = number(name, value, 3600);
        else if (name == "--server")
            size.server = static_cast<int>(number(name, value, std::numeric_limits<int>::max()));
        else
            fail("there is no argument '" + std::string(name) + "'");
    }
    return size;
}

} // namespace

int peer_program(const char* peer, const char* version, std::span<const shape> shapes,
    std::span<const char* const> words) {
    std::printf("version %s %s\n", peer, version);
    if (words.size() < 2 || words[1] == std::string_view("version")) return 0;
    std::fflush(stdout);

    const std::string_view name = words[1];
    const auto found = std::ranges::find(shapes, name, &shape::name);
    if (found == shapes.end()) fail("there is no shape '" + std::string(name) + "'");
    const sizes size = parse(words.subspan(2));
    const figures results = found->run(size);

    std::printf("result %s %s workers=%u", words[1], peer, size.workers);
    for (const auto& [metric, value] : results) std::printf(" %s=%.10g", metric, value);
    std::printf("\n");
    return 0;
}

void say_listening(std::uint16_t port) {
    std::printf("listening on 127.0.0.1:%u\n", unsigned{port});
    std::fflush(stdout);
}

} // namespace bench
