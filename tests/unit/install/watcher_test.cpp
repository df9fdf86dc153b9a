// SPDX-License-Identifier: GPL-3.0-or-later
// Recorded consoles and made-up events, with a clock that only the test moves.
#include "builder/install/watcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "tests/unit/install/watcher_fixture.hpp"

namespace imgforge::install {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = Outcome::Kind;

std::string recorded(const std::string& name) {
    return read_file(std::string(IMGFORGE_TEST_DATA) + "/install/" + name);
}

TEST_F(WatcherTest, follows_a_recorded_success_with_progress_that_never_goes_back) {
    watch();
    std::string bytes = recorded("serial-debian13-success.log");
    bytes.insert(bytes.find("The system is going down"), "IMGFORGE-RESULT: success 1234\n");
    double before = 0;
    std::vector<std::string> steps;
    for (std::size_t i = 0; i < bytes.size(); i += 7) {
        console(bytes.substr(i, 7));
        wait(1);
        EXPECT_GE(watcher_->progress().fraction(), before);
        before = watcher_->progress().fraction();
        if (steps.empty() || steps.back() != watcher_->progress().step()) {
            steps.push_back(watcher_->progress().step());
        }
        ASSERT_FALSE(watcher_->outcome()) << watcher_->outcome()->message;
    }
    watcher_->ended(true, "shut off (shutdown)", now_);

    EXPECT_EQ(outcome().kind, Kind::finished);
    EXPECT_GT(before, 0.95);
    EXPECT_EQ(watcher_->progress().fraction(), 1);
    EXPECT_THAT(steps, ::testing::IsSupersetOf({"cdrom-detect", "load-cdrom", "partman", "bootstrap-base",
                                                "grub-installer", "finish-install"}));
}

TEST_F(WatcherTest, the_answers_own_failure_mark_ends_it_within_seconds) {
    watch();
    console("Finishing the installation  ... 92%IMGFORGE-RESULT: failed, see the installer log\n");
    wait(9);
    EXPECT_FALSE(watcher_->outcome());
    wait(3);
    EXPECT_EQ(outcome().kind, Kind::failed);
    EXPECT_THAT(outcome().message, ::testing::HasSubstr("a command at the end of the answers failed"));
}

TEST_F(WatcherTest, power_off_without_the_marker_is_no_success) {
    watch();
    console(recorded("serial-debian13-success.log"));
    watcher_->ended(true, "shut off (shutdown)", now_);

    EXPECT_EQ(outcome().kind, Kind::no_marker);
    EXPECT_FALSE(outcome().worth_verifying());
}

TEST_F(WatcherTest, names_the_question_of_a_recorded_stuck_mirror_after_five_seconds) {
    watch();
    console(recorded("serial-stuck-mirror.log"));
    wait(4);
    EXPECT_FALSE(watcher_->outcome());
    wait(2);

    EXPECT_EQ(outcome().kind, Kind::question);
    EXPECT_EQ(outcome().step, "choose-mirror");
    EXPECT_THAT(outcome().message, HasSubstr("The installer failed to download a file from the mirror"));
    EXPECT_EQ(outcome().answer, "d-i apt-setup/use_mirror boolean false");
}

TEST_F(WatcherTest, gives_the_line_to_add_for_a_missing_partition_confirmation) {
    watch();
    console(
        "Starting up the partitioner  ... 7%... 100%\r\nGuided partitioning  ... 20%... 80%\r\nPartition "
        "disks\r\n---------------\r\n\r\n"
        "If you continue, the changes listed below will be written to the disks.\r\n\r\nWrite the changes to "
        "disks?\r\n"
        "  1: Yes    2: No [*]\r\nPrompt: '?' for help, default=2> ");
    wait(6);

    EXPECT_EQ(outcome().step, "partman");
    EXPECT_THAT(outcome().message, HasSubstr("\"Write the changes to disks?\""));
    EXPECT_THAT(outcome().answer, HasSubstr("partman/confirm"));
}

TEST_F(WatcherTest, names_a_recorded_question_for_a_text) {
    watch();
    console(recorded("serial-debian13-root-password.log"));
    wait(6);

    EXPECT_EQ(outcome().kind, Kind::question);
    EXPECT_THAT(outcome().message, HasSubstr("Root password:"));
    EXPECT_THAT(outcome().answer, HasSubstr("passwd/root-password"));
}

TEST_F(WatcherTest, a_prompt_that_goes_away_is_no_question) {
    watch();
    console("Prompt: '?' for help, default=1> ");
    wait(4);
    console("\r\nSetting up the clock  ... 10%");
    wait(60);

    EXPECT_FALSE(watcher_->outcome());
}

TEST_F(WatcherTest, quotes_a_question_no_rule_knows) {
    watch();
    console(
        "Configuring apt  ... 50%\r\nA brand-new question of a later release?\r\n  1: Yes    2: No "
        "[*]\r\nPrompt: '?' for help, "
        "default=2> ");
    wait(6);

    EXPECT_EQ(outcome().kind, Kind::question);
    EXPECT_THAT(outcome().message, HasSubstr("\"A brand-new question of a later release?\""));
    EXPECT_TRUE(outcome().answer.empty());
}

TEST_F(WatcherTest, reports_a_kernel_panic_with_its_cause) {
    watch();
    console("[    1.3] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n");
    wait(3);

    EXPECT_EQ(outcome().kind, Kind::failed);
    EXPECT_THAT(outcome().message, HasSubstr("no root file system"));
}

TEST_F(WatcherTest, tells_the_panic_even_when_the_machine_ends_at_once) {
    watch();
    console("[    1.3] Kernel panic - not syncing: Attempted to kill init!\r\n");
    watcher_->ended(false, "crashed (panicked)", now_);

    EXPECT_THAT(outcome().message, HasSubstr("Attempted to kill init!"));
}

TEST_F(WatcherTest, names_the_missing_package_and_not_the_general_step) {
    watch();
    console("Select and install software  ... 1%");
    log("Nov 21 07:00:00 in-target: E: Unable to locate package qemu-guest-agnet\n");
    console(
        "\r\n!! ERROR: Installation step failed\r\nAn installation step failed. The failing step is: Select "
        "and install software\r\n[Press "
        "enter to continue] ");
    wait(6);

    EXPECT_THAT(outcome().message, HasSubstr("qemu-guest-agnet"));
    EXPECT_EQ(outcome().step, "pkgsel");
}

TEST_F(WatcherTest, a_log_line_does_not_stop_an_installer_that_goes_on) {
    watch();
    console("Select and install software  ... 1%");
    log("in-target: E: Unable to locate package optional-thing\n");
    wait(5);
    console("... 100%\r\nInstalling GRUB boot loader  ... 16%");
    wait(60);

    EXPECT_FALSE(watcher_->outcome());
}

// Debian 12 from a medium without pciutils and usbutils, as recorded: apt says so during the base system's
// installation, which then works on for minutes without a word on the console.
TEST_F(WatcherTest, packages_the_installer_tries_by_itself_do_not_end_it_however_long_it_takes) {
    watch();
    console("Installing the base system  ... 91%");
    log("Nov 21 11:57:25 in-target: E: Unable to locate package pciutils\n");
    wait(8);
    log("Nov 21 11:57:33 in-target: E: Unable to locate package usbutils\n");
    wait(300);
    EXPECT_FALSE(watcher_->outcome());

    console(
        "\r\n!! ERROR: Installation step failed\r\nAn installation step failed. The failing step is: Install "
        "the base system\r\n[Press "
        "enter to continue] ");
    wait(6);
    EXPECT_THAT(outcome().message, HasSubstr("usbutils"));
}

// "E: Unable to locate package" is the end when the answers name the package: what follows is cleaning up,
// which takes long here.
TEST_F(WatcherTest, a_package_of_the_answers_that_is_missing_ends_it_within_seconds_with_the_line_to_write) {
    watch({.marker = "m", .asked = {"openssh-server", "qemu-guest-agnet", "sudo"}});
    console("Select and install software  ... 1%");
    log("Nov 21 07:00:00 in-target: E: Unable to locate package qemu-guest-agnet\n");
    wait(4);
    EXPECT_FALSE(watcher_->outcome());
    wait(2);

    EXPECT_EQ(outcome().kind, Kind::failed);
    EXPECT_EQ(outcome().step, "pkgsel");
    EXPECT_EQ(outcome().answer, "d-i pkgsel/include string openssh-server sudo");
    EXPECT_EQ(outcome().waited, seconds(5));
}

// What apt of Debian 13 says comes with "E:" on a line of its own, and sometimes an empty one between, as the
// installer's log of 13.5 has it.
TEST_F(WatcherTest, a_missing_package_is_found_when_apts_line_is_broken) {
    watch({.marker = "m", .asked = {"openssh-server", "qemu-guest-agnet"}});
    console("Select and install software  ... 1%");
    log("Nov 27 03:47:53 in-target: E:\nNov 27 03:47:53 in-target:  Unable to locate package "
        "popularity-contest\n");
    wait(6);
    EXPECT_FALSE(watcher_->outcome());
    log("Nov 27 03:48:07 in-target: E:\nNov 27 03:48:07 in-target:  \nNov 27 03:48:07 in-target: Unable to "
        "locate package "
        "qemu-guest-agnet\n");
    wait(6);

    EXPECT_THAT(outcome().message, HasSubstr("qemu-guest-agnet is not on the medium"));
    EXPECT_EQ(outcome().answer, "d-i pkgsel/include string openssh-server");
}

TEST_F(WatcherTest, keeps_what_the_log_said_before_a_component_failed_without_the_kernels_lines) {
    watch();
    log("Nov 27 03:48:07 in-target: Can't locate object method \"new\" via package \"Text::Iconv\"\n"
        "Nov 27 03:48:18 kernel: [ 1616.151885] ISO 9660 Extensions: Microsoft Joliet Level 3\n"
        "Nov 27 03:48:19 main-menu[1924]: WARNING **: Configuring 'pkgsel' failed with error code 255\n");

    EXPECT_THAT(watcher_->log_tail(8), ElementsAre(HasSubstr("Text::Iconv"), HasSubstr("'pkgsel' failed")));
    EXPECT_THAT(watcher_->log_tail(1), ElementsAre(HasSubstr("'pkgsel' failed")));
}

// As the text frontend prints it: broken at the width of the console, with what imgforge has put around the
// command.
TEST_F(WatcherTest, names_the_failed_late_command_without_what_was_put_around_it) {
    watch();
    log("main-menu[1]: INFO: Menu item 'finish-install' selected\n");
    console(
        "Finishing the installation  ... 6%\r\nFailed to run preseeded "
        "command\r\n-------------------------------\r\n\r\n"
        "Execution of preseeded command \"( in-target systemctl enable nothing ) && sh "
        "\r\n/imgforge-late.sh\" failed with exit code "
        "1.\r\n[Press enter to continue] ");
    wait(6);

    EXPECT_EQ(outcome().step, "finish-install");
    EXPECT_THAT(
        outcome().message,
        HasSubstr(
            "the command \"in-target systemctl enable nothing\" of the answers failed with exit code 1"));
    EXPECT_EQ(outcome().answer, "d-i preseed/late_command string in-target systemctl enable nothing || true");
}

TEST_F(WatcherTest, a_command_that_fails_while_partitioning_is_the_partitioners) {
    watch();
    console(
        "Starting up the partitioner  ... 7%\r\nFailed to run preseeded command\r\nExecution of preseeded "
        "command \"false\" failed with "
        "exit code 1.\r\n[Press enter to continue] ");
    wait(6);

    EXPECT_EQ(outcome().answer, "d-i partman/early_command string false || true");
}

TEST_F(WatcherTest, says_which_closing_command_failed) {
    watch();
    console(
        "Finishing the installation  ... 92%IMGFORGE-RESULT: failed, post command 2 of 3, exit code 127\n");
    wait(11);

    EXPECT_THAT(
        outcome().message,
        HasSubstr("a command at the end of the answers failed: post command 2 of 3, exit code 127 (step"));
    EXPECT_EQ(outcome().post_command, 2U);
}

}  // namespace
}  // namespace imgforge::install
