// SPDX-License-Identifier: BSL-1.0
#include "load/closed_loop.hpp"
#include "load/connecting.hpp"
#include "load/message.hpp"
#include "load/shapes.hpp"

#include <memory>
#include <string>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace load {
namespace {

void checked_tls(bool right, const char* what) {
    if (!right) bench::fail(std::string(what) + ": " + ERR_error_string(ERR_get_error(), nullptr));
}

// Trusts that certificate alone.
SSL_CTX* context(const std::string& certificate) {
    static SSL_CTX* const shared = [&] {
        SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
        checked_tls(made != nullptr, "SSL_CTX_new");
        checked_tls(
            SSL_CTX_load_verify_locations(made, certificate.c_str(), nullptr) == 1, certificate.c_str());
        SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_read_ahead(made, 1);
        return made;
    }();
    return shared;
}

class tls_client {
public:
    tls_client(std::size_t number, int epoll, const bench::sizes& size)
        : fd_(connect_to(size.port, SOCK_STREAM, number)),
          ssl_(SSL_new(context(size.certificate)), &SSL_free) {
        checked_tls(ssl_ != nullptr && SSL_set_fd(ssl_.get(), fd_) == 1, "SSL_new");
        bench::checked(fcntl(fd_, F_SETFL, 0), "O_NONBLOCK");
        checked_tls(SSL_connect(ssl_.get()) == 1, "SSL_connect");
        bench::checked(fcntl(fd_, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
        watch(epoll, fd_, number);
    }

    void ask() {
        const auto bytes = message_.next();
        std::size_t sent = 0;
        checked_tls(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) == 1, "SSL_write");
    }
    bool answered() {
        const auto room = message_.missing();
        std::size_t got = 0;
        if (SSL_read_ex(ssl_.get(), room.data(), room.size(), &got) == 1) return message_.add(got);
        checked_tls(SSL_get_error(ssl_.get(), 0) == SSL_ERROR_WANT_READ, "SSL_read");
        return false;
    }

private:
    int fd_; // open until the program ends
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    message message_;
};

} // namespace

bench::figures tls_echo(const bench::sizes& size) { return closed_loop<tls_client>("requests/s", size); }

} // namespace load
