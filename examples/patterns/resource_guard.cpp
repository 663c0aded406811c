// SPDX-License-Identifier: BSL-1.0
//
// A resource that is given back on every path: the result, the failure, the cancellation. Its destructor is
// all there is to it. It waits, so it is shielded: without that, a cancelled fiber could not say goodbye.
//
//   build/release/examples/patterns/resource_guard
#include <weft/cancel.hpp>
#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

class database_connection {
public:
    explicit database_connection(const char* dsn) : dsn_(dsn) {
        weft::yield();
        std::printf("%s: open\n", dsn_);
    }
    ~database_connection() {
        weft::shield([&] { weft::yield(); });
        std::printf("%s: closed\n", dsn_);
    }
    database_connection(const database_connection&) = delete;
    database_connection& operator=(const database_connection&) = delete;

    std::string execute(const std::string& query) {
        if (query.empty()) throw std::invalid_argument("an empty query");
        if (query == "LOCK") weft::latch(1).wait(); // for somebody who never lets go
        return "3 rows";
    }

private:
    const char* dsn_;
};

void query(const char* dsn, const std::string& text) {
    database_connection db(dsn);
    std::printf("%s: %s\n", dsn, db.execute(text).c_str());
}

int main() {
    weft::run([] {
        query("users", "SELECT * FROM users");
        try {
            query("failing", "");
        } catch (const std::invalid_argument& error) {
            std::printf("failing: %s\n", error.what());
        }
        try {
            weft::with_timeout(10ms, [] { query("locked", "LOCK"); });
        } catch (const weft::timed_out&) {
            std::puts("locked: timed out");
        }
    });
}
