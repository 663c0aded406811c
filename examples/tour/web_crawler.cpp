// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/10, web crawler: a fiber for each page, which starts one for each link. A mutex
// guards the set of the pages begun, so that none is fetched twice; a wait_group tells when there is
// nothing left to do. The order of the pages is open.
//
//   build/release/examples/tour/web_crawler
#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct page {
    std::string body;
    std::vector<std::string> links;
};

// The fake web.
std::optional<page> fetch(const std::string& url) {
    static const std::map<std::string, page> web = {
        {"https://golang.org/",
            {"The Go Programming Language", {"https://golang.org/pkg/", "https://golang.org/cmd/"}}},
        {"https://golang.org/pkg/",
            {"Packages",
                {"https://golang.org/", "https://golang.org/cmd/", "https://golang.org/pkg/fmt/",
                    "https://golang.org/pkg/os/"}}},
        {"https://golang.org/pkg/fmt/", {"Package fmt", {"https://golang.org/", "https://golang.org/pkg/"}}},
        {"https://golang.org/pkg/os/", {"Package os", {"https://golang.org/", "https://golang.org/pkg/"}}},
    };
    const auto found = web.find(url);
    if (found == web.end()) return std::nullopt;
    return found->second;
}

class crawler {
public:
    // Returns once all pages are fetched that can be reached over fewer than `depth` links.
    void crawl(const std::string& url, int depth) {
        begin(url, depth);
        fetching_.wait();
    }

private:
    void begin(const std::string& url, int depth) {
        if (depth <= 0 || !is_new(url)) return;
        fetching_.go([this, url, depth] {
            const std::optional<page> found = fetch(url);
            if (!found) {
                std::printf("not found: %s\n", url.c_str());
                return;
            }
            std::printf("found: %s \"%s\"\n", url.c_str(), found->body.c_str());
            for (const std::string& link : found->links) begin(link, depth - 1);
        });
    }
    bool is_new(const std::string& url) {
        const std::scoped_lock guard(mutex_);
        return begun_.insert(url).second;
    }

    weft::mutex mutex_;
    std::set<std::string> begun_;
    weft::wait_group fetching_;
};

int main() {
    weft::run([] { crawler().crawl("https://golang.org/", 4); });
}
