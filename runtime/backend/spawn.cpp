// SPDX-License-Identifier: BSL-1.0
#include <weft/backend/sys.hpp>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#ifdef __APPLE__
#include <crt_externs.h>
#else
extern "C" char** environ; // some systems declare it nowhere
#endif

// Starting a program without fork: posix_spawn stops the calling thread alone, and copies no page tables.
namespace weft::sys {
namespace {

// Sums up errors: the first that is not 0 stays.
class first_error {
public:
    void add(int error) noexcept {
        if (error_ == 0) error_ = error;
    }
    int value() const noexcept { return error_; }

private:
    int error_ = 0;
};

class file_actions {
public:
    explicit file_actions(const spawn_request& what) noexcept {
        error_.add(::posix_spawn_file_actions_init(&actions_));
        made_ = error_.value() == 0;
        if (!made_) return;
        for (int number = 0; number < 3; ++number) direct(number, what.streams[number]);
        // What others have opened without O_CLOEXEC. Where there is no call for it, the child gets that.
#if defined(__FreeBSD__)
        error_.add(::posix_spawn_file_actions_addclosefrom_np(&actions_, 3));
#elif defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)
        error_.add(::posix_spawn_file_actions_addclosefrom_np(&actions_, 3));
#endif
#endif
        if (what.directory != nullptr) error_.add(change_to(what.directory));
    }
    ~file_actions() {
        if (made_) ::posix_spawn_file_actions_destroy(&actions_);
    }
    file_actions(const file_actions&) = delete;
    file_actions& operator=(const file_actions&) = delete;

    int error() const noexcept { return error_.value(); }
    const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

private:
    int change_to([[maybe_unused]] const char* directory) noexcept {
#if defined(__NetBSD__)
        return ::posix_spawn_file_actions_addchdir(&actions_, directory);
#elif defined(__OpenBSD__)
        return ENOSYS;
#else
        return ::posix_spawn_file_actions_addchdir_np(&actions_, directory);
#endif
    }
    void direct(int number, int stream) noexcept {
        if (stream == spawn_request::inherit) {
#ifdef __APPLE__
            error_.add(::posix_spawn_file_actions_addinherit_np(&actions_, number));
#endif
            return;
        }
        if (stream == spawn_request::null)
            error_.add(::posix_spawn_file_actions_addopen(
                &actions_, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0));
        else
            error_.add(::posix_spawn_file_actions_adddup2(&actions_, stream, number));
    }

    first_error error_;
    bool made_ = false;
    posix_spawn_file_actions_t actions_;
};

class attributes {
public:
    explicit attributes(bool own_group) noexcept {
        error_.add(::posix_spawnattr_init(&attributes_));
        made_ = error_.value() == 0;
        if (!made_) return;
        sigset_t none;
        sigset_t all;
        sigemptyset(&none); // unqualified: some systems have macros
        sigfillset(&all);
        int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef __APPLE__
        flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
        if (own_group) flags |= POSIX_SPAWN_SETPGROUP;
        error_.add(::posix_spawnattr_setsigmask(&attributes_, &none));
        error_.add(::posix_spawnattr_setsigdefault(&attributes_, &all));
        error_.add(::posix_spawnattr_setpgroup(&attributes_, 0));
        error_.add(::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)));
    }
    ~attributes() {
        if (made_) ::posix_spawnattr_destroy(&attributes_);
    }
    attributes(const attributes&) = delete;
    attributes& operator=(const attributes&) = delete;

    int error() const noexcept { return error_.value(); }
    const posix_spawnattr_t* get() const noexcept { return &attributes_; }

private:
    first_error error_;
    bool made_ = false;
    posix_spawnattr_t attributes_;
};

} // namespace

int spawn(const spawn_request& what, int& pid) noexcept {
    const file_actions actions(what);
    if (actions.error() != 0) return -actions.error();
    const attributes with(what.own_group);
    if (with.error() != 0) return -with.error();
    char* const* const environment = what.environment != nullptr ? what.environment : all_environment();
    return -::posix_spawnp(&pid, what.program, actions.get(), with.get(), what.arguments, environment);
}

char* const* all_environment() noexcept {
#ifdef __APPLE__
    return *::_NSGetEnviron();
#else
    return ::environ;
#endif
}

} // namespace weft::sys
