// SPDX-License-Identifier: BSL-1.0
//
// Three calls that do not need each other: in turn they take the sum of their times, by when_all the
// longest. Counted here, not clocked: how many are under way at the same time.
//
//   build/release/examples/patterns/parallel_execution
#include <weft/run.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <string>
#include <tuple>

// Answers when so many requests are under way: with three to wait for, calls made in turn would never get
// an answer.
class service {
public:
    explicit service(int at_a_time) : all_there_(at_a_time) {}
    std::string fetch(const char* what) {
        all_there_.arrive_and_wait();
        return what;
    }

private:
    weft::barrier<> all_there_;
};

using page = std::tuple<std::string, std::string, std::string>;

page fetch_all_sequential(service& from) {
    const std::string user = from.fetch("user");
    const std::string posts = from.fetch("posts");
    const std::string comments = from.fetch("comments");
    return {user, posts, comments};
}

page fetch_all_parallel(service& from) {
    return weft::when_all(                   //
        [&] { return from.fetch("user"); },  //
        [&] { return from.fetch("posts"); }, //
        [&] { return from.fetch("comments"); });
}

void show(const char* how, const page& fetched) {
    const auto& [user, posts, comments] = fetched;
    std::printf("%s: %s, %s, %s\n", how, user.c_str(), posts.c_str(), comments.c_str());
}

int main() {
    weft::run([] {
        service one_at_a_time(1);
        show("one at a time", fetch_all_sequential(one_at_a_time));
        service three_at_a_time(3);
        show("three at a time", fetch_all_parallel(three_at_a_time));
    });
}
