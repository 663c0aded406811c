// SPDX-License-Identifier: BSL-1.0
#include <weft/cancelled.hpp>
#include <weft/detail/is_cancellation.hpp>

namespace weft::detail {

bool is_cancellation(const std::exception_ptr& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const timed_out&) {
        return false;
    } catch (const cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace weft::detail
