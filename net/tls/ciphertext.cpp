// SPDX-License-Identifier: BSL-1.0
#include "tls/ciphertext.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include <openssl/bio.h>

namespace weft::net {

// Called by OpenSSL: nothing is thrown through it.
struct ciphertext::bio_calls {
    static ciphertext& of(BIO* bio) noexcept { return *static_cast<ciphertext*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* to, std::size_t size, std::size_t* done) {
        ciphertext& self = of(bio);
        BIO_clear_retry_flags(bio);
        *done = std::min(size, self.unread_.size());
        if (*done == 0) {
            BIO_set_retry_read(bio);
            return 0;
        }
        std::memcpy(to, self.unread_.data(), *done);
        self.unread_ = self.unread_.subspan(*done);
        if (self.unread_.empty()) self.block_.reset();
        return 1;
    }

    static int write(BIO* bio, const char* from, std::size_t size, std::size_t* done) {
        ciphertext& self = of(bio);
        BIO_clear_retry_flags(bio);
        try {
            const auto bytes = std::as_bytes(std::span(from, size));
            self.outgoing_.insert(self.outgoing_.end(), bytes.begin(), bytes.end());
        } catch (const std::bad_alloc&) {
            return 0; // without a retry flag: SSL_ERROR_SYSCALL
        }
        self.produced_ += size;
        *done = size;
        return 1;
    }

    static long control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

    static int create(BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
    }

    // One for the process, never freed: OpenSSL cleans up at exit in an order of its own.
    static const BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft ciphertext");
            if (fresh == nullptr) throw std::bad_alloc();
            BIO_meth_set_read_ex(fresh, read);
            BIO_meth_set_write_ex(fresh, write);
            BIO_meth_set_ctrl(fresh, control);
            BIO_meth_set_create(fresh, create);
            return fresh;
        }();
        return made;
    }
};

bio_st* ciphertext::new_bio() {
    BIO* const bio = BIO_new(bio_calls::method());
    if (bio != nullptr) BIO_set_data(bio, this);
    return bio;
}

} // namespace weft::net
