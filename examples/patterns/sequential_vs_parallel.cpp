// SPDX-License-Identifier: BSL-1.0
//
// What needs another's result comes after it, all else goes at the same time. Plain calls are in turn;
// when_all is where you ask for more. There is no await to forget: a call gives its result, and a fiber not
// looked at is a warning.
//
//   build/release/examples/patterns/sequential_vs_parallel
#include <weft/run.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <mutex>
#include <string>

// What begins and ends, in order. Each of `together` calls ends when all of them have begun.
class diary {
public:
    std::string fetch(const char* what, weft::barrier<>& together) {
        note(" +");
        together.arrive_and_wait();
        together.arrive_and_wait();
        note(" -");
        return what;
    }
    void print(const char* title) {
        std::printf("%s:%s\n", title, events_.c_str());
        events_.clear();
    }

private:
    void note(const char* event) {
        const std::scoped_lock guard(mutex_);
        events_ += event;
    }
    weft::mutex mutex_;
    std::string events_;
};

int main() {
    weft::run([] {
        diary events;
        weft::barrier alone(1);
        weft::barrier two(2);
        weft::barrier three(3);

        for (const char* what : {"user", "posts", "comments"}) events.fetch(what, alone);
        events.print("in turn");

        weft::when_all([&] { return events.fetch("user", three); },
            [&] { return events.fetch("posts", three); }, [&] { return events.fetch("comments", three); });
        events.print("at once");

        const std::string user = events.fetch("user", alone); // whose posts and comments are then asked for
        weft::when_all([&] { return events.fetch((user + "'s posts").c_str(), two); },
            [&] { return events.fetch((user + "'s comments").c_str(), two); });
        events.print("one, then two");
    });
}
