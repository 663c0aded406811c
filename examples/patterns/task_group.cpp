// SPDX-License-Identifier: BSL-1.0
//
// Structured concurrency: the tasks of a group end before the group does. The first failure cancels the
// others, which are waited for, and leaves wait() as an exception. Nothing to cancel, join or forget by
// hand.
//
//   build/release/examples/patterns/task_group
#include <weft/cancel.hpp>
#include <weft/run.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

void wait_for_ever() {
    try {
        weft::latch(1).wait();
    } catch (const weft::cancelled&) {
        std::puts("silent: given up");
        throw;
    }
}

std::string fetch(const std::string& url) {
    weft::yield();
    if (url == "broken") throw std::runtime_error("no such page: " + url);
    if (url == "silent") wait_for_ever();
    return "page of " + url;
}

std::vector<std::string> fetch_all(const std::vector<std::string>& urls) {
    std::vector<std::string> pages(urls.size());
    weft::task_group group;
    for (std::size_t i = 0; i < urls.size(); ++i) group.go([&, i] { pages[i] = fetch(urls[i]); });
    group.wait();
    return pages;
}

int main() {
    weft::run([] {
        for (const std::string& page : fetch_all({"one", "two", "three"})) std::puts(page.c_str());
        try {
            fetch_all({"silent", "broken"});
        } catch (const std::runtime_error& error) {
            std::printf("failed: %s\n", error.what());
        }
    });
}
