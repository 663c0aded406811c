// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/byte_stream.hpp>
#include <weft/net/on_accept.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/types.h>

namespace weft::net {

// The process at the other end, as it was when it connected.
struct peer_identity {
    pid_t process = -1; // -1: the system does not tell
    uid_t user = 0;
    gid_t group = 0;
};

// A stream socket of this machine, named by a path. A path that begins with '@' is a name outside the file system,
// as Linux has them. A path that is empty, has a zero byte or is too long (about 100 bytes): invalid_argument,
// filename_too_long.
class [[gnu::visibility("default")]] unix_stream : public byte_stream {
public:
    unix_stream() noexcept = default; // not open

    // Blocks while the listener's backlog is full, looking again after at most 20 ms. A cancellation point. Errors:
    // io_error that names the path. The form with an error_code then gives a stream that is not open.
    static unix_stream connect(std::string_view path);
    static unix_stream connect(std::string_view path, std::error_code& ec);
    // Two that are connected to each other. Never blocks.
    static std::pair<unix_stream, unix_stream> pair();

    // Sends a duplicate of a descriptor, which stays open here, along with one byte. Blocks as write_some does.
    void send_fd(int fd);
    void send_fd(int fd, std::error_code& ec);
    // Reads one byte, and gives the descriptor that came with it: closed on exec, and the caller's to close. Blocks as
    // read_some does. bad_message: the byte came alone, and is lost; errc::eof: the stream ended. The form with an
    // error_code then gives -1. Other reads drop the descriptors that come with what they read.
    int recv_fd();
    int recv_fd(std::error_code& ec);

    // Never blocks.
    peer_identity peer_credentials() const;
    peer_identity peer_credentials(std::error_code& ec) const;

    // Never block. Empty: that end has no path.
    std::string local_path() const;
    std::string local_path(std::error_code& ec) const;
    std::string remote_path() const;
    std::string remote_path(std::error_code& ec) const;

private:
    friend class unix_listener;
    explicit unix_stream(registration& of) noexcept : byte_stream(of) {}
};

struct unix_listen_options {
    int backlog = 0;             // connections that wait to be accepted; 0: as many as the system allows
    unsigned permissions = 0777; // of the path; less the process's umask
};

// Removes the path at close() or at its end, if it is still the one that it made. A path that exists already is left
// alone: address_in_use.
class [[gnu::visibility("default")]] unix_listener : public pollable {
public:
    unix_listener() noexcept = default; // not open
    unix_listener(unix_listener&&) noexcept = default;
    unix_listener& operator=(unix_listener&& other) noexcept;
    ~unix_listener();

    // Never block. Errors: io_error that names the path. The form with an error_code then gives a listener that is
    // not open.
    static unix_listener listen(std::string_view path, const unix_listen_options& options = {});
    static unix_listener listen(
        std::string_view path, const unix_listen_options& options, std::error_code& ec);
    static unix_listener listen(std::string_view path, std::error_code& ec);

    // As tcp_listener::accept.
    unix_stream accept();
    unix_stream accept(std::error_code& ec);

    void close();
    void close(std::error_code& ec) noexcept;

    std::string local_path() const { return path_; }

private:
    struct file_identity {
        std::uint64_t device = 0;
        std::uint64_t number = 0; // 0: none was made
    };

    unix_listener(registration& of, std::string path, file_identity made) noexcept
        : pollable(of),
          path_(std::move(path)),
          made_(made) {}
    template <class Listener, class Handler>
    friend class detail::accept_case;
    static unix_stream open(detail::accept_source& from);
    void remove_path() const noexcept;

    std::string path_;
    file_identity made_;
};

} // namespace weft::net
