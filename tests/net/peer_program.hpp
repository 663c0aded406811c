// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "net/net_test.hpp"

#include <weft/net/descriptor.hpp>
#include <weft/net/process.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace weft::test {

// Other people's program that a test talks with: it is written to, and all that it says, errors too, is read. Killed at the end if
// it still runs.
class peer_program {
public:
    explicit peer_program(const std::vector<std::string>& command) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw std::system_error(errno, std::system_category(), "pipe2");
        output_ = net::descriptor(ends[0]);
        const net::descriptor said = net::descriptor(ends[1]);
        running_ =
            net::process::spawn(command, {.stdin_ = net::stdio::pipe, .stdout_ = said, .stderr_ = said});
    }

    static bool is_missing(const std::string& program) {
        std::error_code ec;
        net::process::spawn({program, "version"},
            {.stdin_ = net::stdio::null, .stdout_ = net::stdio::null, .stderr_ = net::stdio::null}, ec);
        return ec == std::errc::no_such_file_or_directory;
    }

    void say(std::string_view text) { running_.stdin_pipe().write_all(bytes(text)); }
    void end_of_input() { running_.stdin_pipe().close(); }
    // Reads until the text has come; gives all that has come so far.
    std::string hear_until(std::string_view text) {
        while (heard_.find(text) == std::string::npos && hear()) continue;
        EXPECT_NE(heard_.find(text), std::string::npos) << "it ended without '" << text << "': " << heard_;
        return heard_;
    }
    // What comes in the first line that has the text in it after the text.
    std::string rest_of_line(std::string_view text) {
        const std::size_t start = hear_until(text).find(text) + text.size();
        while (heard_.find('\n', start) == std::string::npos && hear()) continue;
        return heard_.substr(start, heard_.find('\n', start) - start);
    }
    std::string hear_to_end() {
        while (hear()) continue;
        return heard_;
    }
    net::exit_status wait() { return running_.wait(); }
    void kill() { running_.kill(SIGKILL); }

private:
    bool hear() {
        const std::string part = read_text(output_, 4096);
        heard_ += part;
        return !part.empty();
    }

    net::process running_;
    net::descriptor output_;
    std::string heard_;
};

} // namespace weft::test
