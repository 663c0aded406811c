// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/linearizability.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <ostream>
#include <unordered_map>
#include <utility>
#include <vector>

// What weft's channels and semaphores are, one operation at a time, for linearizability.hpp.
namespace weft::test {

enum class outcome {
    unknown,   // no response
    done,      // sent, received, closed, acquired
    not_now,   // full, empty, timed out, no permits
    closed,    // by an exception, a status or nullopt
    cancelled, // threw `cancelled`: did nothing
};

inline std::ostream& operator<<(std::ostream& out, outcome is) {
    static constexpr const char* names[] = {"?", "done", "not now", "closed", "cancelled"};
    return out << names[static_cast<std::size_t>(is)];
}

inline std::size_t hash_of(const std::deque<int>& values, std::size_t seed) {
    for (const int value : values) seed = seed * 1000003 + std::hash<int>()(value);
    return seed;
}

// --- channels

struct channel_operation {
    enum kind { send, recv, close, exchange };
    kind what;
    const char* spelling; // try_send, recv_for, ...; for the reader of a report
    int value = 0;
    outcome is = outcome::unknown;
};

inline std::ostream& operator<<(std::ostream& out, const channel_operation& of) {
    out << of.spelling << ' ';
    const bool has_value = of.what == channel_operation::send || of.what == channel_operation::exchange ||
        (of.what == channel_operation::recv && of.is == outcome::done);
    if (has_value) out << of.value << ' ';
    return out << of.is;
}

class channel_model {
public:
    using operation = channel_operation;
    static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

    explicit channel_model(std::size_t capacity) : capacity_(capacity) {}

    bool apply(const operation& of) {
        if (of.is == outcome::cancelled) return true;
        switch (of.what) {
        case operation::send: return send(of);
        case operation::recv: return recv(of);
        case operation::close: return close(of);
        case operation::exchange: return false;
        }
        return false;
    }
    bool operator==(const channel_model&) const = default;
    std::size_t hash() const { return hash_of(values_, closed_ ? 1 : 0); }

private:
    bool send(const operation& of) {
        if (of.is == outcome::closed) return closed_;
        if (closed_) return false;
        if (of.is == outcome::not_now) return values_.size() >= capacity_;
        if (values_.size() >= capacity_) return false;
        values_.push_back(of.value);
        return true;
    }
    bool recv(const operation& of) {
        if (of.is == outcome::closed) return closed_ && values_.empty();
        if (of.is == outcome::not_now) return !closed_ && values_.empty();
        if (values_.empty() || (of.is == outcome::done && values_.front() != of.value)) return false;
        values_.pop_front();
        return true;
    }
    bool close(const operation& of) {
        if (of.is == outcome::closed) return closed_;
        return !std::exchange(closed_, true);
    }

    std::size_t capacity_;
    std::deque<int> values_;
    bool closed_ = false;
};

// A channel of capacity 0: a value that is handed over is one operation of both, an exchange. That somebody waits is not to be
// seen from outside, so a try that fails always may.
class rendezvous_model {
public:
    using operation = channel_operation;

    bool apply(const operation& of) {
        if (of.is == outcome::cancelled) return true;
        if (of.is == outcome::closed) return closed_;
        if (closed_) return false;
        if (of.what == operation::close) {
            closed_ = true;
            return true;
        }
        return of.what == operation::exchange || of.is == outcome::not_now;
    }
    bool operator==(const rendezvous_model&) const = default;
    std::size_t hash() const { return closed_ ? 1 : 0; }

private:
    bool closed_ = false;
};

// Makes each send that succeeded and the receive of its value one exchange, which happens while both go on. What has no partner
// of its own, or none that overlaps, stays, and the model knows no such thing. Each value is sent once.
inline history<channel_operation> with_exchanges(const history<channel_operation>& all) {
    std::unordered_map<int, std::size_t> send_of;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].operation.what == channel_operation::send) send_of.emplace(all[i].operation.value, i);

    history<channel_operation> result;
    std::vector<bool> paired(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& receive = all[i];
        if (receive.operation.what != channel_operation::recv || receive.operation.is != outcome::done)
            continue;
        const auto found = send_of.find(receive.operation.value);
        if (found == send_of.end() || paired[found->second]) continue;
        const auto& send = all[found->second];
        if (send.operation.is != outcome::done && send.operation.is != outcome::unknown) continue;
        const stamp begin = std::max(send.invoked, receive.invoked);
        const stamp end = std::min(send.responded, receive.responded);
        if (end < begin) continue;
        paired[i] = paired[found->second] = true;
        result.push_back({send.actor,
            {channel_operation::exchange, "exchange", send.operation.value, outcome::done}, begin, end});
    }
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!paired[i]) result.push_back(all[i]);
    return result;
}

// --- semaphores

struct semaphore_operation {
    enum kind { acquire, try_acquire, release, queue_up, leave_queue };
    kind what;
    const char* spelling;
    int permits = 1;
    outcome is = outcome::unknown;
    int waiter = 0; // of the two halves of one acquire
};

inline std::ostream& operator<<(std::ostream& out, const semaphore_operation& of) {
    return out << of.spelling << ' ' << of.permits << ' ' << of.is;
}

// An acquire that may wait is two operations: it queues up, and later leaves the queue, with permits or without. In between it
// stands in the way of all who come after it, also of those who only try.
inline history<semaphore_operation> with_queue(const history<semaphore_operation>& all) {
    history<semaphore_operation> result;
    int waiter = 0;
    for (const auto& entry : all) {
        result.push_back(entry);
        if (entry.operation.what != semaphore_operation::acquire) continue;
        result.back().operation.what = semaphore_operation::leave_queue;
        result.back().operation.waiter = ++waiter;
        result.push_back(result.back());
        result.back().operation.what = semaphore_operation::queue_up;
    }
    return result;
}

class semaphore_model {
public:
    using operation = semaphore_operation;

    explicit semaphore_model(int permits) : permits_(permits) {}

    bool apply(const operation& of) {
        switch (of.what) {
        case operation::queue_up: queue_.push_back(of.waiter); return true;
        case operation::leave_queue: return leave_queue(of);
        case operation::try_acquire: return try_acquire(of);
        case operation::release: permits_ += of.permits; return true;
        case operation::acquire: return false;
        }
        return false;
    }
    bool operator==(const semaphore_model&) const = default;
    std::size_t hash() const { return hash_of(queue_, static_cast<std::size_t>(permits_)); }

private:
    bool leave_queue(const operation& of) {
        const auto at = std::find(queue_.begin(), queue_.end(), of.waiter);
        if (at == queue_.end()) return false;
        const bool is_next = at == queue_.begin() && permits_ >= of.permits;
        if (is_next && of.is == outcome::not_now) return false;
        if (of.is == outcome::done || of.is == outcome::unknown) {
            if (!is_next) return false;
            permits_ -= of.permits;
        }
        queue_.erase(at);
        return true;
    }
    bool try_acquire(const operation& of) {
        const bool is_next = queue_.empty() && permits_ >= of.permits;
        if (of.is == outcome::not_now) return !is_next;
        if (is_next) permits_ -= of.permits;
        return is_next;
    }

    int permits_;
    std::deque<int> queue_;
};

} // namespace weft::test
