// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/sync/mutex.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct ssl_session_st;

namespace weft::net {

struct free_session {
    void operator()(ssl_session_st* session) const noexcept;
};
using session_ptr = std::unique_ptr<ssl_session_st, free_session>;

// A client's sessions to resume, by the name of the server. Thread-safe.
class session_cache {
public:
    // The latest; nullptr: none that is still good. One of TLS 1.3 is taken out: its ticket is meant for one use.
    session_ptr take(const std::string& host);
    // Too many of a host: the oldest goes; too many hosts: the one that was not asked for for the longest time.
    // Without memory for it, it is not kept.
    void keep(const std::string& host, session_ptr session) noexcept;

    static constexpr std::size_t most_hosts = 256;
    static constexpr std::size_t most_of_a_host = 4;

private:
    using hosts = std::list<std::string>; // the one asked for last is the first
    struct kept {
        std::vector<session_ptr> sessions; // the latest is the last
        hosts::iterator place;
    };

    mutex lock_;
    hosts by_use_;
    std::map<std::string, kept> by_host_;
};

} // namespace weft::net
