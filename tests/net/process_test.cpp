// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/select.hpp>
#include <weft/task_group.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::whereabouts;

constexpr std::string_view waiting_for_end = "a process to end";

process shell(const std::string& script, const process_options& options = {}) {
    return process::spawn({"sh", "-c", script}, options);
}
std::string output_of(const std::vector<std::string>& arguments, const process_options& options = {}) {
    return process::output(arguments, {.process = options}).out;
}
// A child that runs until it is killed or its input ends.
process idle_child() { return process::spawn({"cat"}, {.stdin_ = stdio::pipe, .stdout_ = stdio::null}); }

std::string read_all(descriptor& from) {
    std::string all;
    std::array<std::byte, 16384> buffer;
    while (const std::size_t size = from.read_some(buffer))
        all.append(reinterpret_cast<const char*>(buffer.data()), size);
    return all;
}

// Nothing is left of it: neither a process nor a zombie.
bool has_gone(int pid) {
    siginfo_t ended{};
    return ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 &&
        errno == ECHILD;
}

class Process : public test::network {
protected:
    static void SetUpTestSuite() { process::spawn({"true"}).wait(); } // the default runtime stays
};
INSTANTIATE_TEST_SUITE_P(Workers, Process, test::all_worker_counts(), test::workers_name);

TEST_P(Process, TellsHowItEnded) {
    run([] {
        EXPECT_TRUE(process::spawn({"true"}).wait().success());
        EXPECT_EQ(process::spawn({"false"}).wait().code(), 1);
        process seven = shell("exit 7");
        EXPECT_NE(seven.pid(), 0);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(seven.wait(), exit_status::of_code(7));
        EXPECT_EQ(seven.try_wait(), exit_status::of_code(7));
        EXPECT_EQ(shell("kill -TERM $$").wait(), exit_status::of_signal(SIGTERM));
        EXPECT_EQ(exit_status::of_code(7).to_string(), "exit code 7");
        EXPECT_EQ(exit_status::of_signal(SIGKILL).to_string(), "signal 9 (SIGKILL)");
        EXPECT_EQ(exit_status::of_signal(SIGKILL).code(), -1);
        EXPECT_FALSE(exit_status::of_signal(SIGKILL).success());
    });
}

TEST_P(Process, PipesCarryMuchInBothDirectionsAtOnce) {
    run([] {
        std::string sent(3 << 20, '\0');
        for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7 + i / 256);
        process cat = process::spawn({"cat"}, {.stdin_ = stdio::pipe, .stdout_ = stdio::pipe});
        auto writing = go([&] {
            cat.stdin_pipe().write_all(bytes(sent));
            cat.stdin_pipe().close();
        });
        EXPECT_TRUE(read_all(cat.stdout_pipe()) == sent);
        writing.join();
        EXPECT_TRUE(cat.wait().success());
        EXPECT_FALSE(cat.stderr_pipe().is_open());
    });
}

TEST_P(Process, OutputCollectsBoth) {
    run([] {
        const std::string input(1 << 20, 'x');
        const process_output got = process::output(
            {"sh", "-c", "cat; head -c 300000 /dev/zero >&2; exit 3"}, {.input = input, .limit = 1 << 20});
        EXPECT_EQ(got.status.code(), 3);
        EXPECT_TRUE(got.out == input);
        EXPECT_TRUE(got.err == std::string(300'000, '\0'));
        EXPECT_EQ(process::output({"cat"}).out, "");
    });
}

TEST_P(Process, OutputHasALimit) {
    run([] {
        for (const char* script : {"cat /dev/zero", "cat /dev/zero >&2"}) {
            try {
                process::output({"sh", "-c", script}, {.limit = 100'000});
                FAIL();
            } catch (const io_error& error) {
                EXPECT_EQ(error.code(), errc::message_too_long);
                EXPECT_NE(std::string(error.what()).find("'sh'"), std::string::npos);
            }
        }
        const process_output exactly = process::output({"head", "-c", "1000", "/dev/zero"}, {.limit = 1000});
        EXPECT_EQ(exactly.out.size(), 1000U);
    });
}

// Its stdin is closed before all is written; that raises no SIGPIPE, which would end this program.
TEST_P(Process, NeedNotReadItsInput) {
    run([] {
        const std::string much(1 << 20, 'x');
        EXPECT_TRUE(process::output({"true"}, {.input = much}).status.success());
        process gone = process::spawn({"true"}, {.stdin_ = stdio::pipe});
        gone.wait();
        EXPECT_EQ(failure_of([&] { gone.stdin_pipe().write_all(bytes(much)); }), std::errc::broken_pipe);
        const std::vector<std::span<const std::byte>> pieces{bytes(much), bytes(much)};
        EXPECT_EQ(failure_of([&] { gone.stdin_pipe().write_all(pieces); }), std::errc::broken_pipe);
    });
}

TEST_P(Process, ErrorsOfExecNameTheProgram) {
    run([] {
        const auto failure = [](const std::vector<std::string>& arguments,
                                 const process_options& options = {}) {
            try {
                process::spawn(arguments, options);
            } catch (const io_error& error) {
                EXPECT_TRUE(arguments.empty() ||
                    std::string(error.what()).find("'" + arguments.front() + "'") != std::string::npos)
                    << error.what();
                return error.code();
            }
            return std::error_code();
        };
        EXPECT_EQ(failure({"weft-no-such-program"}), std::errc::no_such_file_or_directory);
        EXPECT_EQ(failure({"/nowhere/at/all"}), std::errc::no_such_file_or_directory);
        EXPECT_EQ(failure({"/etc/passwd"}), std::errc::permission_denied);
        EXPECT_EQ(failure({"true"}, {.directory = "/nowhere"}), std::errc::no_such_file_or_directory);
        EXPECT_EQ(failure({}), std::errc::invalid_argument);
        EXPECT_EQ(failure({""}), std::errc::invalid_argument);
        EXPECT_EQ(failure({"echo", std::string("a\0b", 3)}), std::errc::invalid_argument);
        EXPECT_EQ(failure({"true"}, {.extra_environment = {"no equals sign"}}), std::errc::invalid_argument);
        EXPECT_EQ(failure({"true"}, {.extra_environment = {""}}), std::errc::invalid_argument);
        EXPECT_EQ(failure({"true"}, {.stdout_ = -1}), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure({"true"}, {.stdout_ = 1'000'000}), std::errc::bad_file_descriptor);

        std::error_code ec;
        process none = process::spawn({"weft-no-such-program"}, ec);
        EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
        EXPECT_FALSE(none);
        EXPECT_EQ(none.pid(), 0);
        EXPECT_EQ(failure_of([&] { none.wait(); }), std::errc::no_child_process);
        EXPECT_EQ(failure_of([&] { none.kill(SIGTERM); }), std::errc::no_such_process);
        EXPECT_EQ(
            failure_of([&] { select(on_exit(none, [](exit_status) {})); }), std::errc::no_child_process);
        process some = process::spawn({"true"}, ec);
        EXPECT_EQ(ec, std::error_code());
        EXPECT_TRUE(some.wait(ec).success());
        EXPECT_EQ(ec, std::error_code());
    });
}

TEST_P(Process, EnvironmentAndDirectoryAreAsSaid) {
    run([] {
        const std::vector<std::string> print = {"/bin/sh", "-c", "echo $WEFT_A $WEFT_B ${HOME-none}"};
        EXPECT_EQ(output_of(print, {.environment = {{"WEFT_A=1"}}, .extra_environment = {"WEFT_B=2"}}),
            "1 2 none\n");
        EXPECT_EQ(output_of({"sh", "-c", "echo $WEFT_A ${PATH:+path}"},
                      {.extra_environment = {"WEFT_A=old", "WEFT_A=new"}}),
            "new path\n");
        EXPECT_EQ(output_of(print, {.environment = std::vector<std::string>()}), "none\n");
        EXPECT_EQ(output_of({"pwd"}, {.directory = "/"}), "/\n");
        EXPECT_EQ(output_of({"./true"}, {.directory = "/bin"}), "");
    });
}

TEST_P(Process, StreamsMayBeDescriptors) {
    run([] {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        {
            process writing = shell(
                "echo out; echo err >&2", {.stdin_ = stdio::null, .stdout_ = ends[1], .stderr_ = ends[1]});
            writing.wait();
        }
        ::close(ends[1]);
        descriptor from(ends[0]);
        EXPECT_EQ(read_all(from), "out\nerr\n");

        // A child's output is the other one's input, for which that one has to wait.
        process first = shell("read line; echo $line", {.stdin_ = stdio::pipe, .stdout_ = stdio::pipe});
        process second = process::spawn({"cat"}, {.stdin_ = first.stdout_pipe(), .stdout_ = stdio::pipe});
        first.stdout_pipe().close();
        EXPECT_EQ(second.wait_for(5ms), std::nullopt);
        first.stdin_pipe().write_all(bytes("through two\n"));
        EXPECT_EQ(read_all(second.stdout_pipe()), "through two\n");
        EXPECT_TRUE(second.wait().success());
        EXPECT_EQ(output_of({"cat"}, {.stdin_ = stdio::null}), "");
    });
}

// Each other's places: 1 goes to 2, and 2 to 1. And with 0 and 1 closed here, the pipes get those numbers.
TEST(ProcessStreams, MayOverlapWithTheStandardOnes) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto program = [] {
        int ends[2];
        if (::pipe(ends) != 0) ::_exit(1);
        ::dup2(ends[1], 1);
        shell("echo to the pipe >&2", {.stdout_ = 2, .stderr_ = 1}).wait();
        char text[12] = {};
        if (::read(ends[0], text, 11) != 11 || std::string_view(text, 11) != "to the pipe") ::_exit(2);
        ::close(0);
        ::close(1);
        const process_output got = process::output({"sh", "-c", "cat; echo err >&2"}, {.input = "in"});
        if (got.out != "in" || got.err != "err\n") ::_exit(3);
        const process_output silent = process::output(
            {"sh", "-c", "echo err >&2"}, {.process = {.stdin_ = stdio::null, .stdout_ = stdio::null}});
        ::_exit(silent.err == "err\n" ? 0 : 4);
    };
    EXPECT_EXIT(program(), ::testing::ExitedWithCode(0), "");
}

TEST_P(Process, ChildHasNoOtherDescriptor) {
    run([] {
        const int careless = ::dup(2); // without O_CLOEXEC
        process another = idle_child();
        // ls itself opens the fourth.
        EXPECT_EQ(output_of({"ls", "/proc/self/fd"}), "0\n1\n2\n3\n");
        ::close(careless);
    });
}

std::uint64_t mask_in(const std::string& status, const std::string& name) {
    return std::stoull(status.substr(status.find(name) + name.size()), nullptr, 16);
}
constexpr std::uint64_t of_the_c_library = std::uint64_t{3}
    << 31; // glibc has its child ignore the two it uses itself

TEST_P(Process, ChildHasDefaultActionsAndAnEmptyMask) {
    run([] {
        sigset_t some;
        sigset_t before;
        sigemptyset(&some);
        sigaddset(&some, SIGUSR1);
        ::pthread_sigmask(SIG_BLOCK, &some, &before);
        struct sigaction ignored{};
        struct sigaction action_before{};
        ignored.sa_handler = SIG_IGN;
        ::sigaction(SIGHUP, &ignored, &action_before);
        const std::string status = output_of({"cat", "/proc/self/status"});
        ::sigaction(SIGHUP, &action_before, nullptr);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        EXPECT_EQ(mask_in(status, "SigBlk:"), 0U);
        EXPECT_EQ(mask_in(status, "SigIgn:") & ~of_the_c_library, 0U);
    });
}

TEST_P(Process, MayLeadAGroup) {
    run([] {
        process leader = process::spawn({"cat"}, {.stdin_ = stdio::pipe, .own_group = true});
        process member = idle_child();
        EXPECT_EQ(::getpgid(leader.pid()), leader.pid());
        EXPECT_EQ(::getpgid(member.pid()), ::getpgid(0));
    });
}

TEST_P(Process, SignalsReachItUntilItsEndIsKnown) {
    run([] {
        process child = idle_child();
        child.kill(0);
        child.kill(SIGTERM);
        EXPECT_EQ(child.wait(), exit_status::of_signal(SIGTERM));
        EXPECT_EQ(failure_of([&] { child.kill(SIGTERM); }), std::errc::no_such_process);
        process other = idle_child();
        std::error_code ec;
        other.kill(1000, ec);
        EXPECT_EQ(ec, std::errc::invalid_argument);
        EXPECT_EQ(other.try_wait(), std::nullopt);
    });
}

TEST_P(Process, DeadlinesAndCancellationEndTheWaitAlone) {
    run([] {
        process child = idle_child();
        EXPECT_EQ(child.wait_for(1ms), std::nullopt);
        EXPECT_EQ(child.wait_until(std::chrono::steady_clock::now() + 1ms), std::nullopt);
        EXPECT_THROW(with_timeout(1ms, [&] { child.wait(); }), timed_out);
        whereabouts where;
        auto waiting = go([&] {
            where.here();
            EXPECT_THROW(child.wait(), cancelled);
        });
        where.await_parked(waiting_for_end);
        waiting.cancel();
        waiting.join();
        child.stdin_pipe().close();
        EXPECT_TRUE(child.wait().success());
        EXPECT_TRUE(child.wait_until(clock::time_point::min())->success());
        EXPECT_TRUE(child.wait_for(-1s)->success());
    });
}

TEST_P(Process, ManyMayWait) {
    run([] {
        process child = idle_child();
        std::array<whereabouts, 6> where;
        std::vector<fiber<exit_status>> waiting;
        for (std::size_t i = 0; i < 5; ++i) {
            waiting.push_back(go([&, i] {
                where[i].here();
                return child.wait();
            }));
        }
        std::thread plain([&] {
            where[5].here();
            EXPECT_EQ(child.wait().code(), 0);
        });
        for (const auto& each : where) each.await_parked(waiting_for_end);
        child.stdin_pipe().close();
        for (auto& each : waiting) EXPECT_EQ(each.join().code(), 0);
        blocking([&] { plain.join(); });
    });
}

TEST_P(Process, ItsEndIsACaseOfASelect) {
    run([] {
        const channel<int> ch(1);
        const auto code = [](exit_status status) { return status.code(); };
        for (int i = 0; i < 20; ++i) {
            process one = idle_child();
            process other = idle_child();
            EXPECT_EQ(select(on_exit(one, code), otherwise([] { return -2; })), -2);
            EXPECT_EQ(select(on_exit(one, code), on_timeout(1us, [] { return -3; })), -3);
            whereabouts where;
            auto selecting = go([&] {
                where.here();
                return select(on_exit(one, code), on_recv(ch, [](auto) { return 5; }),
                    on_exit(other, [](exit_status status) { return status.signal(); }));
            });
            where.await_parked("one of several (select)");
            switch (i % 3) {
            case 0: one.stdin_pipe().close(); break;
            case 1: ch.send(1); break;
            default: other.kill(SIGUSR1); break;
            }
            EXPECT_EQ(selecting.join(), i % 3 == 0 ? 0 : i % 3 == 1 ? 5 : SIGUSR1);
            if (i % 3 == 0) {
                EXPECT_EQ(select(on_exit(one, code), on_timeout(24h, [] { return -4; })), 0);
            }
        }
    });
}

TEST_P(Process, TheEndOfItsHandleLeavesNothing) {
    run([] {
        int running = 0;
        int ended = 0;
        int unwound = 0;
        {
            process child = idle_child();
            running = child.pid();
            process quick = process::spawn({"true"});
            ended = quick.pid();
        }
        EXPECT_TRUE(has_gone(running));
        EXPECT_TRUE(has_gone(ended));

        whereabouts where;
        auto cancelled_one = go([&] {
            process child = idle_child();
            unwound = child.pid();
            where.here();
            child.wait();
        });
        where.await_parked(waiting_for_end);
        cancelled_one.cancel();
        EXPECT_THROW(cancelled_one.join(), cancelled);
        EXPECT_TRUE(has_gone(unwound));

        process replaced = idle_child();
        const int before = replaced.pid();
        replaced = process::spawn({"true"});
        EXPECT_TRUE(has_gone(before));
        EXPECT_TRUE(replaced.wait().success());
    });
}

TEST_P(Process, ThatIsDetachedRunsOnAndIsNoZombieAfterwards) {
    run([] {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        process child = process::spawn({"cat"}, {.stdin_ = ends[0], .stdout_ = stdio::null});
        const int pid = child.pid();
        child.detach();
        EXPECT_FALSE(child);
        child.detach();
        EXPECT_EQ(::kill(pid, 0), 0);
        ::close(ends[0]);
        ::close(ends[1]); // its input ends
        while (!has_gone(pid)) sleep(1ms);
    });
}

TEST_P(Process, TwoHundredAtOnce) {
    run([] {
        constexpr std::size_t count = 200;
        std::vector<process> children;
        for (std::size_t i = 0; i < count; ++i) children.push_back(idle_child());
        std::vector<fiber<exit_status>> waiting;
        for (process& each : children) waiting.push_back(go([&each] { return each.wait(); }));
        for (std::size_t i = 0; i < count; ++i) {
            if (i % 2 == 0)
                children[i].stdin_pipe().close();
            else
                children[i].kill(SIGKILL);
        }
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_EQ(
                waiting[i].join(), i % 2 == 0 ? exit_status::of_code(0) : exit_status::of_signal(SIGKILL));
    });
}

// A child that had the end of another one's pipe would keep that from ending.
TEST_P(Process, SpawnedByManyAtOnceLeakNoDescriptorsToEachOther) {
    run([] {
        task_group group;
        for (int i = 0; i < 8; ++i) {
            group.go([i] {
                for (int k = 0; k < 8; ++k) {
                    process child = process::spawn({"cat"}, {.stdin_ = stdio::pipe, .stdout_ = stdio::pipe});
                    const std::string text = std::to_string(i) + " " + std::to_string(k);
                    child.stdin_pipe().write_all(bytes(text));
                    yield();
                    child.stdin_pipe().close();
                    EXPECT_EQ(read_all(child.stdout_pipe()), text);
                    EXPECT_TRUE(child.wait().success());
                }
            });
        }
        group.wait();
    });
}

TEST_P(Process, WithoutDescriptorsNothingIsStarted) {
    run([] {
        process idle = idle_child(); // the poller is there
        std::vector<int> taken;
        struct rlimit_guard {
            rlimit_guard() {
                ::getrlimit(RLIMIT_NOFILE, &before);
                rlimit low = before;
                low.rlim_cur = 64;
                ::setrlimit(RLIMIT_NOFILE, &low);
            }
            ~rlimit_guard() { ::setrlimit(RLIMIT_NOFILE, &before); }
            rlimit before{};
        };
        std::vector<std::error_code> failures;
        {
            const rlimit_guard low;
            for (int fd; (fd = ::dup(2)) >= 0;) taken.push_back(fd);
            for (int i = 0; i < 5; ++i) { // one more free each time: for the pipes, then for the process
                failures.push_back(failure_of([&] {
                    EXPECT_TRUE(process::spawn({"true"}, {.stdin_ = stdio::pipe}).wait().success());
                }));
                ::close(taken.back());
                taken.pop_back();
            }
        }
        for (const int fd : taken) ::close(fd);
        for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(failures[i], std::errc::too_many_files_open) << i;
        EXPECT_EQ(failures[4], std::error_code());
        siginfo_t ended{};
        idle.stdin_pipe().close();
        idle.wait();
        EXPECT_NE(::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG), 0); // no zombie of those that failed
    });
}

TEST_P(Process, OutlivesItsRuntimeNoLongerThanItsHandle) {
    process child;
    run([&] { child = idle_child(); });
    EXPECT_EQ(child.wait_for(1ms), std::nullopt);
    const int pid = child.pid();
    child = process();
    EXPECT_TRUE(has_gone(pid));

    process other;
    run([&] { other = idle_child(); });
    other.stdin_pipe().close();
    while (!other.try_wait()) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(other.wait().success());
}

TEST_P(Process, PlainThreadsBlock) {
    std::thread plain([] {
        EXPECT_TRUE(process::spawn({"true"}).wait().success());
        EXPECT_EQ(process::output({"cat"}, {.input = "through"}).out, "through");
        process child = idle_child();
        EXPECT_EQ(child.wait_for(1ms), std::nullopt);
        EXPECT_EQ(
            select(on_exit(child, [](exit_status) { return 1; }), on_timeout(1ms, [] { return 2; })), 2);
    });
    plain.join();
}

TEST_P(Process, ThatSomebodyElseHasWaitedForIsAnError) {
    run([] {
        process child = process::spawn({"true"});
        ASSERT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
        EXPECT_EQ(failure_of([&] { child.wait(); }), std::errc::no_child_process);
        EXPECT_EQ(failure_of([&] { child.wait(); }), std::errc::no_child_process);
        std::error_code ec;
        child.wait(ec);
        EXPECT_EQ(ec, std::errc::no_child_process);
        EXPECT_EQ(failure_of([&] { child.kill(SIGTERM); }), std::errc::no_such_process);

        struct sigaction ignored{};
        struct sigaction before{};
        ignored.sa_handler = SIG_IGN;
        ::sigaction(SIGCHLD, &ignored, &before);
        for (int i = 0; i < 20; ++i) {
            process quick = process::spawn({"true"});
            EXPECT_EQ(failure_of([&] { quick.wait(); }), std::errc::no_child_process);
        }
        const int pid = idle_child().pid();
        EXPECT_TRUE(has_gone(pid));
        ::sigaction(SIGCHLD, &before, nullptr);
    });
}

// From now on this system call of this process fails.
void take_away(unsigned call, int error) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{.len = std::size(program), .filter = program};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        ::_exit(9);
}

TEST(ProcessWithoutDescriptor, IsWaitedForByAThread) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto program = [] {
        take_away(SYS_pidfd_open, ENOSYS);
        if (::syscall(SYS_pidfd_open, ::getpid(), 0) >= 0) ::_exit(8);
        weft::run([] {
            process child = idle_child();
            if (child.wait_for(1ms)) ::_exit(1);
            if (select(on_exit(child, [](exit_status) { return 1; }), on_timeout(1ms, [] { return 2; })) != 2)
                ::_exit(2);
            whereabouts where;
            auto waiting = go([&] {
                where.here();
                return child.wait();
            });
            where.await_parked(waiting_for_end);
            child.kill(SIGTERM);
            if (waiting.join() != exit_status::of_signal(SIGTERM)) ::_exit(3);
            if (process::output({"cat"}, {.input = "text"}).out != "text") ::_exit(4);
            const int pid = idle_child().pid();
            if (!has_gone(pid)) ::_exit(5);
        });
        ::_exit(0);
    };
    EXPECT_EXIT(program(), ::testing::ExitedWithCode(0), "");
}

// Kernels before 6.18 cannot write without SIGPIPE.
TEST(ProcessStreams, RaiseNoSigpipeOnOlderKernels) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto program = [] {
        take_away(SYS_pwritev2, EOPNOTSUPP);
        weft::run([] {
            process gone = process::spawn({"true"}, {.stdin_ = stdio::pipe});
            gone.wait();
            for (int i = 0; i < 2; ++i)
                if (failure_of([&] { gone.stdin_pipe().write_all(bytes("x")); }) != std::errc::broken_pipe)
                    ::_exit(1);
            if (process::output({"cat"}, {.input = "text"}).out != "text") ::_exit(2);
        });
        // One that was pending, because it is blocked, stays.
        sigset_t broken_pipe;
        sigset_t pending;
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
        ::pthread_kill(::pthread_self(), SIGPIPE);
        process gone = process::spawn({"true"}, {.stdin_ = stdio::pipe});
        gone.wait();
        if (failure_of([&] { gone.stdin_pipe().write_all(bytes("x")); }) != std::errc::broken_pipe)
            ::_exit(3);
        ::sigpending(&pending);
        ::_exit(sigismember(&pending, SIGPIPE) == 1 ? 0 : 4);
    };
    EXPECT_EXIT(program(), ::testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace weft::net
