// SPDX-License-Identifier: BSL-1.0
//
// Fan-in: select merges several producers into one channel, whoever is ready first. A producer that has
// closed is replaced by a nil channel, whose case never happens. Each producer's lines stay in order; how
// they mix is open.
//
//   build/release/examples/fan_in
#include <weft/run.hpp>
#include <weft/select.hpp>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

using lines = weft::receiver<std::string>;

lines producer(const std::string& name, int count) {
    const weft::channel<std::string> out(0);
    weft::go([=] {
        for (int i = 1; i <= count; ++i) out.send(name + " " + std::to_string(i));
        out.close();
    }).detach();
    return out;
}

lines fan_in(const lines& first, const lines& second, const lines& third) {
    const weft::channel<std::string> merged(0);
    weft::go([merged, a = first, b = second, c = third]() mutable {
        const auto pass_on = [&](lines& from) {
            return weft::on_recv(from, [&](std::optional<std::string> line) {
                if (line)
                    merged.send(std::move(*line));
                else
                    from = {};
            });
        };
        while (a || b || c) weft::select(pass_on(a), pass_on(b), pass_on(c));
        merged.close();
    }).detach();
    return merged;
}

int main() {
    weft::run([] {
        for (const std::string& line : fan_in(producer("warp", 3), producer("weft", 4), producer("shed", 2)))
            std::puts(line.c_str());
    });
}
