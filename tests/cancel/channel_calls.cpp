// SPDX-License-Identifier: BSL-1.0
#include "cancel/blocking_calls.hpp"

#include <weft/weft.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace weft::test {
namespace {

using namespace std::chrono_literals;

template <class Call>
std::function<std::function<void()>()> on_channel(std::size_t capacity, Call call) {
    return [capacity, call] {
        const channel<int> full(capacity);
        for (std::size_t i = 0; i < capacity; ++i) full.send(0);
        return [full, call] { call(full); };
    };
}

struct one_shot {
    oneshot<int> ends = make_oneshot<int>();
};
struct watched {
    watch<int> value{0};
    watch_subscriber<int> subscriber = value.subscribe();
};
struct published {
    broadcast<int> all{1, on_lag::block};
    broadcast_subscriber<int> subscriber = all.subscribe();
};

template <class T, class Call>
std::function<void()> with(Call call) {
    return [of = std::make_shared<T>(), call] { call(*of); };
}

} // namespace

std::vector<blocking_call> channel_calls() {
    return {
        {"recv_rendezvous", on_channel(0, [](const channel<int>& c) { c.recv(); })},
        {"recv_nil", [] { return [] { channel<int>().recv(); }; }},
        {"recv_unbounded", [] { return [c = channel<int>(unbounded)] { c.recv(); }; }},
        {"recv_for",
            on_channel(0,
                [](const channel<int>& c) {
                    int v = 0;
                    c.recv_for(v, 24h);
                })},
        {"recv_until",
            on_channel(0,
                [](const channel<int>& c) {
                    int v = 0;
                    c.recv_until(v, clock::now() + 24h);
                })},
        {"range",
            on_channel(0,
                [](const channel<int>& c) {
                    for (int v : c) static_cast<void>(v);
                })},
        {"send_rendezvous", on_channel(0, [](const channel<int>& c) { c.send(1); })},
        {"send_full", on_channel(2, [](const channel<int>& c) { c.send(1); })},
        {"send_nil", [] { return [] { channel<int>().send(1); }; }},
        {"send_for", on_channel(1, [](const channel<int>& c) { c.send_for(1, 24h); })},
        {"send_until", on_channel(1, [](const channel<int>& c) { c.send_until(1, clock::now() + 24h); })},
        {"one_way_recv", on_channel(0, [](const channel<int>& c) { receiver<int>(c).recv(); })},
        {"one_way_send", on_channel(0, [](const channel<int>& c) { sender<int>(c).send(1); })},
        {"select_recv",
            on_channel(0, [](const channel<int>& c) { select(on_recv(c, [](std::optional<int>) {})); })},
        {"select_send",
            on_channel(1,
                [](const channel<int>& c) {
                    int v = 1;
                    select(on_send(c, v, [] {}), on_timeout(24h, [] {}));
                })},
        {"select_biased",
            on_channel(
                0, [](const channel<int>& c) { select_biased(on_recv(c, [](std::optional<int>) {})); })},
        {"select_of_nothing",
            [] { return [] { select(on_recv(channel<int>(), [](std::optional<int>) {})); }; }},
        {"selector",
            on_channel(0,
                [](const channel<int>& c) {
                    selector s;
                    s.on_recv(c, [](std::optional<int>) {});
                    s.select();
                })},
        {"after", [] { return [] { after(24h).recv(); }; }},
        {"timer",
            [] {
                return with<std::unique_ptr<timer>>([](auto& of) {
                    of = std::make_unique<timer>(24h);
                    of->receiver().recv();
                });
            }},
        {"ticker", [] { return [] { ticker(24h).receiver().recv(); }; }},
        {"oneshot_recv", [] { return with<one_shot>([](auto& of) { of.ends.rx.recv(); }); }},
        {"oneshot_recv_for",
            [] {
                return with<one_shot>([](auto& of) {
                    int v = 0;
                    of.ends.rx.recv_for(v, 24h);
                });
            }},
        {"select_oneshot",
            [] {
                return with<one_shot>(
                    [](auto& of) { select(on_recv(of.ends.rx, [](std::optional<int>) {})); });
            }},
        {"watch_changed", [] { return with<watched>([](auto& of) { of.subscriber.changed(); }); }},
        {"select_on_changed",
            [] { return with<watched>([](auto& of) { select(on_changed(of.subscriber, [](bool) {})); }); }},
        {"broadcast_recv", [] { return with<published>([](auto& of) { of.subscriber.recv(); }); }},
        {"broadcast_send",
            [] {
                return with<published>([](auto& of) {
                    for (;;) of.all.send(1);
                });
            }},
        {"select_broadcast",
            [] {
                return with<published>(
                    [](auto& of) { select(on_recv(of.subscriber, [](std::optional<int>) {})); });
            }},
    };
}

} // namespace weft::test
