// SPDX-License-Identifier: BSL-1.0
//
// Many calls at a time, some of which fail: outcome keeps the result or the exception of each, so that no
// failure cancels the others. For a few calls written out one by one it is settle(f, g, h).
//
//   build/release/examples/patterns/gather_partial_failures
#include <weft/run.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

std::string fetch_user(int id) {
    weft::yield();
    if (id == 2) throw std::runtime_error("no connection for user 2");
    return "user " + std::to_string(id);
}

std::pair<std::vector<std::string>, std::vector<std::exception_ptr>> fetch_users_parallel(
    const std::vector<int>& ids) {
    using answer = weft::outcome<std::string>;
    std::pair<std::vector<std::string>, std::vector<std::exception_ptr>> result;
    auto& [successes, failures] = result;
    for (answer& each :
        weft::parallel_map(ids, 0, [](int id) { return answer::of([&] { return fetch_user(id); }); }))
        each ? successes.push_back(std::move(each).value()) : failures.push_back(each.error());
    return result;
}

void show(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        std::printf("failed: %s\n", error.what());
    }
}

int main() {
    weft::run([] {
        const auto [successes, failures] = fetch_users_parallel({1, 2, 3});
        for (const std::string& user : successes) std::puts(user.c_str());
        for (const std::exception_ptr& failure : failures) show(failure);

        const auto [first, second] = weft::settle([] { return fetch_user(1); }, [] { return fetch_user(2); });
        std::printf("settle: %s, %s\n", first ? "a result" : "a failure", second ? "a result" : "a failure");
    });
}
