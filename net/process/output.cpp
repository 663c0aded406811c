// SPDX-License-Identifier: BSL-1.0
#include <weft/net/error.hpp>
#include <weft/net/process.hpp>
#include <weft/task_group.hpp>

#include <array>
#include <span>

namespace weft::net {
namespace {

constexpr std::size_t at_a_time = std::size_t{16} << 10;

void give(descriptor& to, std::string_view input) {
    std::error_code ec;
    to.write_all(std::as_bytes(std::span(input)), ec);
    if (ec && ec != std::errc::broken_pipe) throw io_error(ec, "input of a process");
    to.close();
}

void collect(descriptor& from, std::string& into, std::size_t limit, const std::string& program) {
    std::array<std::byte, at_a_time> buffer;
    while (const std::size_t size = from.read_some(buffer)) {
        if (size > limit - into.size())
            throw io_error(errc::message_too_long, "output of '" + program + "'", into.size());
        into.append(reinterpret_cast<const char*>(buffer.data()), size);
    }
}

stdio_target piped_unless_said(const stdio_target& said) {
    return said == stdio::inherit ? stdio_target(stdio::pipe) : said;
}

} // namespace

process_output process::output(const std::vector<std::string>& arguments, const output_options& options) {
    process_options streams = options.process;
    streams.stdin_ = piped_unless_said(streams.stdin_);
    streams.stdout_ = piped_unless_said(streams.stdout_);
    streams.stderr_ = piped_unless_said(streams.stderr_);
    process running = spawn(arguments, streams);
    std::string out;
    std::string err;
    task_group transfers;
    if (running.stdin_.is_open()) transfers.go([&] { give(running.stdin_, options.input); });
    if (running.stdout_.is_open())
        transfers.go([&] { collect(running.stdout_, out, options.limit, arguments.front()); });
    if (running.stderr_.is_open())
        transfers.go([&] { collect(running.stderr_, err, options.limit, arguments.front()); });
    transfers.wait();
    return {.status = running.wait(), .out = std::move(out), .err = std::move(err)};
}

process_output process::output(const std::vector<std::string>& arguments) { return output(arguments, {}); }

} // namespace weft::net
