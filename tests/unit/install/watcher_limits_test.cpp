// SPDX-License-Identifier: GPL-3.0-or-later
// When the watcher ends an installation that no text has ended: silence, loops, time, the end of the machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/install/watcher_fixture.hpp"

namespace imgforge::install {

namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using Kind = Outcome::Kind;

TEST_F(WatcherTest, nothing_on_the_console_is_no_boot) {
    watch({.marker = "m", .slowness = 8});
    wait(479);
    EXPECT_FALSE(watcher_->outcome());
    wait(3);

    EXPECT_EQ(outcome().kind, Kind::no_boot);
}

TEST_F(WatcherTest, silence_needs_no_bytes_no_writes_and_no_cpu) {
    watch();
    console("Installing the base system  ... 17%");
    for (int i = 1; i <= 20; ++i) {  // unpacking: silent, but writing
        wait(30);
        watcher_->stats({.written = static_cast<std::uint64_t>(i) << 20U, .cpu = seconds(30 * i)}, now_);
    }
    EXPECT_FALSE(watcher_->outcome());
    for (int i = 1; i <= 12; ++i) {  // compressing: silent, no writes, busy
        wait(30);
        watcher_->stats({.written = 20U << 20U, .cpu = seconds(600 + 30 * i)}, now_);
    }
    EXPECT_FALSE(watcher_->outcome());
    log("still here\n");
    for (int i = 1; i <= 11; ++i) {  // nothing at all
        wait(30);
        watcher_->stats({.written = 20U << 20U, .cpu = seconds(960)}, now_);
    }
    EXPECT_EQ(outcome().kind, Kind::silent);
    EXPECT_THAT(outcome().message, HasSubstr("step bootstrap-base"));
}

TEST_F(WatcherTest, busy_without_any_result_is_a_loop) {
    watch();
    console("Installing the base system  ... 17%");
    for (int i = 1; i <= 31; ++i) {
        wait(30);
        watcher_->stats({.written = 0, .cpu = seconds(30 * i)}, now_);
    }

    EXPECT_EQ(outcome().kind, Kind::loop);
}

TEST_F(WatcherTest, going_back_to_the_same_step_three_times_is_a_loop) {
    watch();
    for (int i = 0; i < 4; ++i) {
        log("main-menu[1]: INFO: Menu item 'partman-base' selected\n");
        log("main-menu[1]: INFO: Menu item 'bootstrap-base' selected\n");
        wait(1);
    }
    log("main-menu[1]: INFO: Menu item 'partman-base' selected\n");
    wait(1);

    EXPECT_EQ(outcome().kind, Kind::loop);
}

TEST_F(WatcherTest, the_log_may_run_ahead_of_the_console) {
    watch();
    console("Partitions formatting  ... 33%");
    log("main-menu[1]: INFO: Menu item 'bootstrap-base' selected\n");
    console("\r\nInstalling the base system  ... 17%");

    EXPECT_EQ(watcher_->progress().step(), "bootstrap-base");
    EXPECT_EQ(watcher_->progress().returns(), 0);
}

TEST_F(WatcherTest, ends_at_the_total_time) {
    watch({.marker = "m", .total = seconds(100)});
    for (int i = 0; i < 11; ++i) {
        console("[ 1.0] line\n");
        wait(10);
    }

    EXPECT_EQ(outcome().kind, Kind::too_long);
}

TEST_F(WatcherTest, a_marker_without_power_off_is_left_to_the_disk) {
    watch();
    console("Finishing the installation  ... 92%IMGFORGE-RESULT: success 1234\n");
    wait(179);
    EXPECT_FALSE(watcher_->outcome());
    wait(3);

    EXPECT_EQ(outcome().kind, Kind::no_poweroff);
    EXPECT_TRUE(outcome().worth_verifying());
}

TEST_F(WatcherTest, another_nonce_is_not_our_marker) {
    watch();
    console("IMGFORGE-RESULT: success 9999\n");

    EXPECT_FALSE(watcher_->marker_seen());
}

TEST_F(WatcherTest, a_domain_destroyed_from_outside_is_said_so) {
    watch();
    console("Installing the base system  ... 17%");
    watcher_->ended(false, "shut off (destroyed)", now_);

    EXPECT_EQ(outcome().kind, Kind::crashed);
    EXPECT_THAT(outcome().message, HasSubstr("shut off (destroyed) (step bootstrap-base"));
}

TEST_F(WatcherTest, remaining_time_comes_from_the_last_run) {
    watch();
    console("Installing the base system  ... 50%");

    const double fraction = watcher_->progress().fraction();
    EXPECT_NEAR(*watcher_->progress().remaining(10, 1000.0), 1000 * (1 - fraction), 0.1);
    EXPECT_NEAR(*watcher_->progress().remaining(100, std::nullopt), 100 * (1 - fraction) / fraction, 0.1);
}

}  // namespace

}  // namespace imgforge::install
