// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/process_watch.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "builder/base/error.hpp"

namespace imgforge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A child that only waits; killed and waited for at the end of the test.
class Sleeper {
public:
    Sleeper() : pid_(::fork()) {
        if (pid_ == 0) {
            while (true) {
                ::pause();
            }
        }
    }
    ~Sleeper() {
        ::kill(pid_, SIGKILL);
        reap();
    }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;
    pid_t pid() const { return pid_; }
    void reap() const { ::waitpid(pid_, nullptr, 0); }

private:
    pid_t pid_;
};

TEST(ProcessWatch, a_process_that_runs_has_not_ended_and_the_wait_lasts_to_the_deadline) {
    const Sleeper child;
    const auto watch = ProcessWatch::open(child.pid());
    ASSERT_TRUE(watch);
    const auto started = std::chrono::steady_clock::now();
    EXPECT_FALSE(watch->ended());
    EXPECT_FALSE(watch->ended_within(std::chrono::milliseconds(50)));
    EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(50));
}

TEST(ProcessWatch, the_end_wakes_the_one_who_waits) {
    const Sleeper child;
    const auto watch = ProcessWatch::open(child.pid());
    ASSERT_TRUE(watch);
    std::jthread killer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        watch->signal(SIGTERM);
    });
    const auto started = std::chrono::steady_clock::now();
    EXPECT_TRUE(watch->ended_within(std::chrono::seconds(60)));
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(30));
    EXPECT_TRUE(watch->ended());
}

TEST(ProcessWatch, a_timeout_says_what_was_awaited_and_how_the_process_was_last_seen) {
    const Sleeper child;
    const auto watch = ProcessWatch::open(child.pid());
    ASSERT_TRUE(watch);
    try {
        watch->await_end("end of QEMU process 4711", std::chrono::milliseconds(10));
        FAIL() << "it still runs";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::timeout);
        EXPECT_THAT(error.message(), AllOf(HasSubstr("end of QEMU process 4711: not after"),
                                           HasSubstr("last seen: unit_base")));
    }
}

TEST(ProcessWatch, a_number_without_a_process_has_nothing_to_watch) {
    Sleeper child;
    ::kill(child.pid(), SIGKILL);
    child.reap();
    EXPECT_FALSE(ProcessWatch::open(child.pid()));
    EXPECT_FALSE(ProcessWatch::open(0));
    EXPECT_FALSE(ProcessWatch::open(-1));
}

TEST(ProcessWatch, a_signal_to_a_process_that_was_waited_for_reaches_nobody) {
    Sleeper child;
    const auto watch = ProcessWatch::open(child.pid());
    ASSERT_TRUE(watch);
    EXPECT_TRUE(watch->signal(SIGKILL));
    child.reap();
    EXPECT_FALSE(watch->signal(SIGTERM));
    EXPECT_TRUE(watch->ended());
}

}  // namespace
}  // namespace imgforge
