// SPDX-License-Identifier: BSL-1.0
#include "pipe_end.hpp"
#include "process/owned_number.hpp"
#include "process/process_access.hpp"

#include <weft/backend/sys.hpp>
#include <weft/blocking.hpp>
#include <weft/net/error.hpp>
#include <weft/waiting/park.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <errno.h>

namespace weft::net {

// The three standard streams: what the child gets, and the parent's ends of the pipes. All numbers for the child are above 2,
// so that none is overwritten before it is copied to its place; all are closed on exec, the copies excepted.
class stdio_ends {
public:
    void prepare(int number, const stdio_target& target, int& for_child) {
        if (target.kind_ == stdio::pipe) {
            make_pipe(number);
        } else if (target.kind_) {
            for_child = *target.kind_ == stdio::null ? sys::spawn_request::null : sys::spawn_request::inherit;
            return;
        } else {
            ends_[number] = owned_number(checked(sys::duplicate(target.fd_, above_standard)));
            if (target.make_blocking_) checked(sys::set_nonblocking(ends_[number].number(), false));
        }
        for_child = ends_[number].number();
    }
    descriptor (&pipes())[3] { return pipes_; }

    static int checked(int result) {
        if (result < 0) throw std::system_error(-result, std::system_category());
        return result;
    }

private:
    static constexpr int above_standard = 3;

    void make_pipe(int number) {
        int both[2];
        checked(sys::pipe(both));
        owned_number mine(both[number == 0 ? 1 : 0]);
        ends_[number] = owned_number(both[number == 0 ? 0 : 1]);
        if (ends_[number].number() < above_standard)
            ends_[number] = owned_number(checked(sys::duplicate(ends_[number].number(), above_standard)));
        pipes_[number] = own_pipe_end(mine.number());
        mine.release();
    }

    owned_number ends_[3];
    descriptor pipes_[3];
};

namespace {

bool has_zero(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }

std::string_view name_of(std::string_view variable) noexcept {
    return variable.substr(0, variable.find('='));
}

bool names_something(std::string_view variable) noexcept {
    return variable.find('=') != std::string_view::npos && variable.front() != '=' && !has_zero(variable);
}

bool valid(const std::vector<std::string>& arguments, const process_options& options) noexcept {
    static const std::vector<std::string> none;
    const std::vector<std::string>& whole = options.environment ? *options.environment : none;
    return !arguments.empty() && !arguments.front().empty() && std::ranges::none_of(arguments, has_zero) &&
        !has_zero(options.directory) && std::ranges::all_of(whole, names_something) &&
        std::ranges::all_of(options.extra_environment, names_something);
}

// What exec takes: pointers to strings that others keep, with nullptr at the end.
std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& each : strings) pointers.push_back(const_cast<char*>(each.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

// Empty: that of this process as it is.
std::vector<char*> environment_for(const process_options& options) {
    std::vector<char*> all;
    if (!options.environment && options.extra_environment.empty()) return all;
    if (options.environment) {
        all = pointers_to(*options.environment);
        all.pop_back();
    } else if (char* const* each = sys::all_environment()) {
        while (*each != nullptr) all.push_back(*each++);
    }
    for (const std::string& extra : options.extra_environment) {
        std::erase_if(all, [&](const char* set) { return name_of(set) == name_of(extra); });
        all.push_back(const_cast<char*>(extra.c_str()));
    }
    all.push_back(nullptr);
    return all;
}

std::string describe(const std::vector<std::string>& arguments, const process_options& options) {
    std::string what = "spawn '" + (arguments.empty() ? std::string() : arguments.front()) + "'";
    if (!options.directory.empty()) what.append(" in '").append(options.directory).append("'");
    return what;
}

// All that starting a process takes. It is made by the caller, and goes to the helper thread that starts the process, which may
// outlast the call.
class launch {
public:
    launch(const std::vector<std::string>& arguments, const process_options& options)
        : arguments_(arguments),
          options_(options),
          argv_(pointers_to(arguments_)),
          environment_(environment_for(options_)),
          request_{.program = argv_.front(),
              .arguments = argv_.data(),
              .environment = environment_.empty() ? nullptr : environment_.data(),
              .directory = options_.directory.empty() ? nullptr : options_.directory.c_str(),
              .own_group = options_.own_group} {
        ends_.prepare(0, options.stdin_, request_.streams[0]);
        ends_.prepare(1, options.stdout_, request_.streams[1]);
        ends_.prepare(2, options.stderr_, request_.streams[2]);
    }
    launch(const launch&) = delete;
    launch& operator=(const launch&) = delete;

    // What goes wrong is no exception: that would belong to two threads.
    process start(std::error_code& ec) {
        try {
            int pid = 0;
            stdio_ends::checked(sys::spawn(request_, pid));
            return process_access::make(child::take_charge(pid, arguments_.front()), ends_.pipes());
        } catch (const std::system_error& error) {
            ec = error.code();
            return {};
        }
    }

private:
    const std::vector<std::string> arguments_;
    const process_options options_;
    const std::vector<char*> argv_;
    const std::vector<char*> environment_;
    sys::spawn_request request_;
    stdio_ends ends_;
};

} // namespace

process process::spawn(
    const std::vector<std::string>& arguments, const process_options& options, std::error_code& ec) {
    begin_operation();
    ec.clear();
    try {
        if (!valid(arguments, options)) stdio_ends::checked(-EINVAL);
        auto [started, failure] = blocking([prepared = std::make_unique<launch>(arguments, options)] {
            std::pair<process, std::error_code> result;
            result.first = prepared->start(result.second);
            return result;
        });
        ec = failure;
        return std::move(started);
    } catch (const std::system_error& error) {
        ec = error.code();
        return {};
    }
}

process process::spawn(const std::vector<std::string>& arguments, const process_options& options) {
    std::error_code ec;
    process started = spawn(arguments, options, ec);
    if (ec) throw io_error(ec, describe(arguments, options));
    return started;
}

process process::spawn(const std::vector<std::string>& arguments, std::error_code& ec) {
    return spawn(arguments, {}, ec);
}

} // namespace weft::net
