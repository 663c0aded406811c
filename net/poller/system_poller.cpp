// SPDX-License-Identifier: BSL-1.0
#include "poller/system_poller.hpp"

#if WEFT_USES_KQUEUE
#include "poller/kqueue.hpp"
#else
#include "poller/epoll.hpp"
#endif

namespace weft::net {

std::shared_ptr<poller> make_system_poller() {
#if WEFT_USES_KQUEUE
    return make_kqueue_poller();
#else
    return make_epoll_poller();
#endif
}

} // namespace weft::net
