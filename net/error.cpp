// SPDX-License-Identifier: BSL-1.0
#include <weft/net/error.hpp>

namespace weft::net {
namespace {

class net_error_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "weft.net"; }
    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
        case errc::eof: return "end of stream";
        case errc::unexpected_eof: return "unexpected end of stream";
        case errc::deadline_exceeded: return "deadline exceeded";
        case errc::message_too_long: return "message too long";
        }
        return "unknown error";
    }
    std::error_condition default_error_condition(int code) const noexcept override {
        switch (static_cast<errc>(code)) {
        case errc::deadline_exceeded: return std::errc::timed_out;
        case errc::message_too_long: return std::errc::message_size;
        default: return {code, *this};
        }
    }
};

} // namespace

const std::error_category& error_category() noexcept {
    static const net_error_category category;
    return category;
}

} // namespace weft::net
