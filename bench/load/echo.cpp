// SPDX-License-Identifier: BSL-1.0
#include "load/client.hpp"
#include "load/closed_loop.hpp"
#include "load/connecting.hpp"
#include "load/shapes.hpp"

#include <sys/socket.h>

namespace load {
namespace {

template <int Kind>
class echo_client : public client {
public:
    echo_client(std::size_t number, int epoll, const bench::sizes& size)
        : echo_client(connect_to(size.port, Kind, number), number, epoll) {}

private:
    echo_client(int fd, std::size_t number, int epoll) : client(fd) { watch(epoll, fd, number); }
};

} // namespace

bench::figures echo(const bench::sizes& size) {
    return closed_loop<echo_client<SOCK_STREAM>>("requests/s", size);
}
bench::figures udp_echo(const bench::sizes& size) {
    return closed_loop<echo_client<SOCK_DGRAM>>("requests/s", size);
}

} // namespace load
