// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel.hpp>
#include <weft/fiber.hpp>
#include <weft/net/signals.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

#include <signal.h>

// What the examples share beside the subject: reading a command line, and waiting for Ctrl-C.

// A command line of the form: --name value ... What does not fit ends the program with status 2.
class arguments {
public:
    arguments(int count, char** values, std::initializer_list<std::string_view> known)
        : program_(std::string_view(values[0]).substr(std::string_view(values[0]).rfind('/') + 1)) {
        for (int i = 1; i < count; i += 2) {
            const std::string name = values[i];
            if (std::find(known.begin(), known.end(), name) == known.end()) {
                std::string sentence = "does not know '" + name + "'; it takes";
                for (const std::string_view each : known) sentence.append(" ").append(each);
                reject(sentence);
            }
            if (i + 1 == count) reject(name + " takes a value");
            given_[name] = values[i + 1];
        }
    }

    std::string_view text(std::string_view name, std::string_view otherwise) const {
        const auto found = given_.find(name);
        return found == given_.end() ? otherwise : found->second;
    }
    unsigned number(std::string_view name, unsigned otherwise, unsigned least, unsigned most) const {
        const auto found = given_.find(name);
        if (found == given_.end()) return otherwise;
        const std::string_view value = found->second;
        unsigned number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc() || end != value.data() + value.size() || number < least || number > most)
            reject(std::string(name) + " takes a number from " + std::to_string(least) + " to " +
                std::to_string(most) + ", not '" + std::string(value) + "'");
        return number;
    }

    [[noreturn]] void reject(const std::string& sentence) const {
        std::fprintf(stderr, "%s: %s\n", program_.c_str(), sentence.c_str());
        std::_Exit(2); // from main, with nothing to clean up
    }

private:
    std::string program_;
    std::map<std::string, std::string_view, std::less<>> given_;
};

// Calls f in a fiber of its own when SIGINT or SIGTERM comes while this lives.
class on_stop_signal {
public:
    template <class F>
    explicit on_stop_signal(F f)
        : waiting_(weft::go([this, f] {
              try {
                  signals_.wait();
              } catch (const weft::cancelled&) {
                  return;
              }
              f();
          })) {}
    ~on_stop_signal() {
        waiting_.cancel();
        weft::shield([this] { waiting_.join(); });
    }
    on_stop_signal(const on_stop_signal&) = delete;
    on_stop_signal& operator=(const on_stop_signal&) = delete;

private:
    weft::net::signal_set signals_{SIGINT, SIGTERM};
    weft::fiber<void> waiting_;
};
