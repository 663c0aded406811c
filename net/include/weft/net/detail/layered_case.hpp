// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/source.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weft::net::detail {

// A handler on its way to the case of the layer below. Since the name of its type mentions weft::source, an unqualified call
// with it finds the on_readable of whatever stream there is, in namespace weft as well, also those declared later.
template <class Handler, class = source>
struct carried_handler {
    decltype(auto) operator()() { return std::invoke(handler); }
    Handler handler;
};

template <class Below>
struct case_below {
    template <class Make>
    explicit case_below(Make& make) : below(make()) {}
    Below below;
};

// The case of the layer below, which is ready as well while Layer::read_would_not_wait().
template <class Layer, class Below>
class layered_case final : private case_below<Below>, public source {
    using case_below<Below>::below;

public:
    using result = typename Below::result;

    template <class Make>
    layered_case(const Layer& layer, Make& make)
        : case_below<Below>(make),
          source(below.lock(), below.rank(), below.node()),
          layer_(layer) {}
    result run() { return below.run(); }

    bool may_be_ready() const noexcept override {
        return layer_.read_would_not_wait() || below.may_be_ready();
    }
    bool take() override { return layer_.read_would_not_wait() || below.take(); }
    bool hides_lock() const noexcept override { return below.hides_lock(); }
    void tried() noexcept override { below.tried(); }
    void enqueue() noexcept override { below.enqueue(); }
    void withdraw() noexcept override { below.withdraw(); }
    bool happened() const noexcept override { return below.happened(); }
    bool external() const noexcept override { return below.external(); }

private:
    const Layer& layer_;
};

// make() gives the case of the layer below.
template <class Layer, class Make>
auto make_layered_case(const Layer& layer, Make make) {
    return layered_case<Layer, std::invoke_result_t<Make&>>(layer, make);
}

} // namespace weft::net::detail
