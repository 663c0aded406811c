// SPDX-License-Identifier: BSL-1.0
#include "tls/session_cache.hpp"

#include <mutex>
#include <new>
#include <utility>

#include <openssl/ssl.h>

namespace weft::net {

void free_session::operator()(ssl_session_st* session) const noexcept { SSL_SESSION_free(session); }

session_ptr session_cache::take(const std::string& host) {
    const std::scoped_lock guard(lock_);
    const auto found = by_host_.find(host);
    if (found == by_host_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, found->second.place);
    auto& sessions = found->second.sessions;
    while (!sessions.empty()) {
        if (SSL_SESSION_is_resumable(sessions.back().get()) == 1) {
            if (SSL_SESSION_get_protocol_version(sessions.back().get()) < TLS1_3_VERSION) {
                SSL_SESSION_up_ref(sessions.back().get());
                return session_ptr(sessions.back().get());
            }
            session_ptr taken = std::move(sessions.back());
            sessions.pop_back();
            return taken;
        }
        sessions.pop_back();
    }
    return nullptr;
}

void session_cache::keep(const std::string& host, session_ptr session) noexcept try {
    const std::scoped_lock guard(lock_);
    auto found = by_host_.find(host);
    if (found == by_host_.end()) {
        hosts use{host};
        kept fresh{{}, use.begin()};
        fresh.sessions.reserve(most_of_a_host);
        found = by_host_.emplace(host, std::move(fresh)).first;
        by_use_.splice(by_use_.begin(), use);
        if (by_host_.size() > most_hosts) {
            by_host_.erase(by_use_.back());
            by_use_.pop_back();
        }
    }
    auto& sessions = found->second.sessions;
    if (sessions.size() == most_of_a_host) sessions.erase(sessions.begin());
    sessions.push_back(std::move(session));
} catch (const std::bad_alloc&) {
    return;
}

} // namespace weft::net
