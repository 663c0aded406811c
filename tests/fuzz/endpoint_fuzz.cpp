// SPDX-License-Identifier: BSL-1.0
#include "fuzz/fuzzed.hpp"
#include "host_port.hpp"

#include <weft/net/endpoint.hpp>

#include <array>
#include <optional>
#include <vector>

// endpoint and split_host_port against a reading of their grammar, part by part.
namespace weft::fuzz {
namespace {

using parts = std::vector<std::string_view>;

parts split(std::string_view text, char at) {
    parts all;
    for (;;) {
        const std::size_t end = text.find(at);
        all.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return all;
        text.remove_prefix(end + 1);
    }
}

std::optional<std::uint64_t> number(std::string_view text, unsigned base, std::uint64_t most) {
    if (text.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char each : text) {
        const std::size_t digit =
            std::string_view("0123456789abcdef")
                .find(each >= 'A' && each <= 'F' ? static_cast<char>(each - 'A' + 'a') : each);
        if (digit >= base) return std::nullopt;
        value = value * base + digit;
        if (value > most) return std::nullopt;
    }
    return value;
}

using octets = std::vector<std::uint8_t>;

std::optional<octets> four(std::string_view text) {
    octets all;
    for (const std::string_view part : split(text, '.')) {
        const auto value = number(part, 10, 255);
        if (!value || (part.size() > 1 && part[0] == '0')) return std::nullopt;
        all.push_back(static_cast<std::uint8_t>(*value));
    }
    return all.size() == 4 ? std::optional(all) : std::nullopt;
}

// Groups with a ':' between each two; none at all for an empty text.
std::optional<octets> groups(std::string_view text, bool last_may_be_four) {
    octets all;
    if (text.empty()) return all;
    const parts each = split(text, ':');
    for (std::size_t i = 0; i < each.size(); ++i) {
        if (last_may_be_four && i + 1 == each.size() && each[i].find('.') != std::string_view::npos) {
            const auto end = four(each[i]);
            if (!end) return std::nullopt;
            all.insert(all.end(), end->begin(), end->end());
            continue;
        }
        const auto value = number(each[i], 16, 0xffff);
        if (!value || each[i].size() > 4) return std::nullopt;
        all.push_back(static_cast<std::uint8_t>(*value >> 8));
        all.push_back(static_cast<std::uint8_t>(*value));
    }
    return all;
}

std::optional<octets> sixteen(std::string_view text) {
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        auto all = groups(text, true);
        return all && all->size() == 16 ? all : std::nullopt;
    }
    const auto front = groups(text.substr(0, gap), false);
    const auto back = groups(text.substr(gap + 2), true);
    if (!front || !back || front->size() + back->size() > 14) return std::nullopt;
    octets all = *front;
    all.resize(16 - back->size());
    all.insert(all.end(), back->begin(), back->end());
    return all;
}

// What the text names; names of interfaces, which depend on the machine, are left out.
std::optional<net::endpoint> expected(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port_number = number(text.substr(colon + 1), 10, 65535);
    if (!port_number) return std::nullopt;
    const auto port = static_cast<std::uint16_t>(*port_number);
    std::string_view ip = text.substr(0, colon);
    if (!ip.starts_with('[')) {
        const auto all = four(ip);
        if (!all) return std::nullopt;
        return net::endpoint::v4(std::span(*all).first<4>(), port);
    }
    if (!ip.ends_with(']')) return std::nullopt;
    ip = ip.substr(1, ip.size() - 2);
    std::uint64_t scope = 0;
    if (const std::size_t percent = ip.find('%'); percent != std::string_view::npos) {
        const auto given = number(ip.substr(percent + 1), 10, 0xffffffff);
        if (!given) return std::nullopt;
        scope = *given;
        ip = ip.substr(0, percent);
    }
    const auto all = sixteen(ip);
    if (!all) return std::nullopt;
    return net::endpoint::v6(std::span(*all).first<16>(), port, static_cast<std::uint32_t>(scope));
}

bool names_an_interface(std::string_view text) {
    const std::size_t percent = text.find('%');
    if (!text.starts_with('[') || percent == std::string_view::npos) return false;
    const std::string_view scope = text.substr(percent + 1, text.rfind(']') - percent - 1);
    return !number(scope, 10, 0xffffffff);
}

void endpoints(std::string_view text) {
    const auto got = net::endpoint::parse(text);
    if (got) {
        const std::string written = got->to_string();
        check(net::endpoint::parse(written) == got, "what it writes it reads");
        check(net::endpoint(got->address(), got->port()) == *got, "the parts make the whole");
    }
    if (!names_an_interface(text)) check(got == expected(text), "the endpoint");
}

void hosts(std::string_view text) {
    const auto got = net::split_host_port(text);
    const std::size_t colon = text.rfind(':');
    const bool has_port = colon != std::string_view::npos && colon + 1 < text.size();
    std::string_view host = text.substr(0, has_port ? colon : 0);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const bool has_colon = host.find(':') != std::string_view::npos;
    const bool has_bracket = host.find_first_of("[]") != std::string_view::npos;
    const bool right = has_port && (bracketed ? has_colon : !has_colon && !has_bracket);
    check(got.has_value() == right, "a host and a port");
    if (got) check(got->host == host && got->port == text.substr(colon + 1), "this host and this port");
}

} // namespace
} // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(bytes), size);
    weft::fuzz::endpoints(text);
    weft::fuzz::hosts(text);
    return 0;
}
