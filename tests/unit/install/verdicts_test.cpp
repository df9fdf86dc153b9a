// SPDX-License-Identifier: GPL-3.0-or-later
// Consoles of each family's installers that stop, in their own words, and the verdict each must get.
#include "tests/unit/install/verdict_case.hpp"

namespace imgforge::install {
namespace {

using std::chrono::seconds;
using test::Case;
using test::Kind;

const std::string anaconda =
    "Linux version 5.14.0\nanaconda 34.25.4.9-1.el9 for Rocky Linux 9.4 started.\nStarting automated "
    "install..\n";
const std::string stopped =
    "The installation was stopped due to an error which occurred while running in non-interactive cmdline "
    "mode. Since there cannot be any questions in cmdline mode, edit your kickstart file and retry "
    "installation.\nThe exact error message is: \n\n";
const std::string ended = "\n\nThe installer will now terminate.\n";
const std::string debian_pkgsel = "Linux version 6.1.0\nSelect and install software  ... 10%... 90%\n";
const std::string agreed = "  1: Yes     2: No [*]\nPrompt: '?' for help, default=2> ";

std::vector<Case> debian_cases() {
    return {
        {"debian_step_failed_broken_line",
         "debian12",
         debian_pkgsel +
             "Select and install software\n---------------------------\n\n"
             "!! ERROR: Installation step failed\n\nAn installation step failed. The failing step "
             "is: Select and \ninstall software\n[Press enter to continue]",
         Kind::question,
         "pkgsel",
         {"the step \"Select and install software\" failed"},
         "first error"},
        {"debian_step_failed_other_step",
         "debian13",
         "Installing the base system  ... 83%\n!! ERROR: Installation step failed\n\nThe failing step is: "
         "Install the base system\n[Press enter to continue] ",
         Kind::question,
         "bootstrap-base",
         {"the step \"Install the base system\" failed"},
         "first error"},
        {"debian_no_root",
         "debian13",
         "Starting up the partitioner  ... 50%\nPartition disks\n---------------\n\n!! ERROR: No root file "
         "system\n\nNo root file system is defined.\n[Press enter to continue]",
         Kind::question,
         "partman",
         {"no root file system is defined", "no disk"},
         "choose_recipe"},
        {"debian_language",
         "debian13",
         "Select a language\n-----------------\nChoose the language to be used.\nLanguage:\n  1: C  2: "
         "English [*]\nPrompt: '?' for help, default=2> ",
         Kind::question,
         "localechooser",
         {"asks for the language"},
         "debian-installer/locale"},
        {"debian_unknown_error",
         "debian13",
         debian_pkgsel + "!! ERROR: An error nobody has seen\n\nThe flux of the gate is too low. See\nthe "
                         "manual.\n[Press enter to continue] ",
         Kind::question,
         "pkgsel",
         {"An error nobody has seen: The flux of the gate is too low. See the manual."},
         "answer"},
        {"debian_old_volume_group",
         "debian12",
         "Guided partitioning  ... 20%\nPartition disks\nThe selected device already contains LVM.\nRemove "
         "existing logical volume data?\n" +
             agreed,
         Kind::question,
         "partman",
         {"Remove existing logical volume data?"},
         "device_remove_lvm"},
        {"debian_memory",
         "debian13",
         "Linux version 6.12\n[    2.1] Kernel panic - not syncing: System is deadlocked on memory\n",
         Kind::failed,
         "",
         {"System is deadlocked on memory"},
         "machine.memory"},
    };
}

std::vector<Case> anaconda_cases() {
    return {
        {"ks_reason_below_a_blank_line",
         "rocky8",
         "Linux version 4.18.0\nThe following error occurred while parsing the kickstart file:\n\nThe "
         "following "
         "problem occurred on line 7 of the kickstart file:\n\nUnknown command: paart\n" +
             ended,
         Kind::failed,
         "",
         {"line 7: Unknown command: paart"},
         "correct that line"},
        {"ks_missing_package",
         "rocky9",
         anaconda + stopped +
             "The following software marked for installation has errors.\nThis is likely "
             "caused by an error with your installation source.\n\nNo match for argument: "
             "qemu-agent. " +
             ended,
         Kind::failed,
         "",
         {"the package qemu-agent", "No match for argument: qemu-agent"},
         "%packages"},
        {"ks_missing_packages_question",
         "fedora",
         anaconda + "Question\n\nThe following packages are missing: vim-tiny, foo. Would you like to ignore "
                    "this and continue with installation?\nRunning in cmdline mode, no interactive debugging "
                    "allowed.\n",
         Kind::failed,
         "",
         {"vim-tiny, foo"},
         "%packages"},
        {"ks_unknown_disk",
         "alma9",
         anaconda + stopped + "Disk \"nvme0n1\" given in clearpart command does not exist.." + ended,
         Kind::failed,
         "",
         {"Disk \"nvme0n1\" given in clearpart command does not exist"},
         "ignoredisk --only-use=vda"},
        {"ks_unknown_reason",
         "rhel10",
         anaconda + stopped + "The flux is too low." + ended,
         Kind::failed,
         "",
         {"the installation was stopped: The flux is too low."},
         "kickstart command"},
        {"ks_partitioning",
         "rocky10",
         anaconda + "Checking storage configuration...\n\nThe following errors occurred with your "
                    "partitioning:\n\nNot enough space for the root file system.\n\nThe installation will be "
                    "aborted.\n",
         Kind::failed,
         "storage",
         {"Not enough space for the root file system."},
         "machine.disk"},
        {"ks_no_medium",
         "rocky9",
         "Linux version 5.14.0\n[ 200.1] dracut-initqueue[1018]: Warning: dracut-initqueue: starting timeout "
         "scripts\n[ 200.2] dracut-initqueue[1018]: Warning: #### Anaconda installer errors begin ####\n[ "
         "200.3] dracut-initqueue[1018]: Warning: missing inst.stage2 or inst.repo boot parameters on the\n",
         Kind::failed,
         "",
         {"missing inst.stage2 or inst.repo boot parameters"},
         "inst.stage2"},
        {"ks_emergency_shell",
         "rocky9",
         "Linux version 5.14.0\n[ 133.0] dracut-initqueue[1037]: Warning: dracut-initqueue: timeout, still "
         "waiting\n[ 190.1] Warning: /dev/root does not exist\n\nEntering emergency mode. Exit the shell to "
         "continue.\n\ndracut:/# ",
         Kind::failed,
         "boot",
         {"/dev/root does not exist"},
         "CD-ROM"},
        {"ks_dots",
         "rocky9",
         anaconda +
             [] {
                 std::string dots;
                 for (int i = 0; i < 700; ++i) {
                     dots += ".\n";
                 }
                 return dots;
             }(),
         Kind::silent,
         "storage",
         {"dots"},
         "another bus",
         seconds(60)},
        {"ks_dots_in_one_line",
         "fedora",
         "anaconda 42 for Fedora 42 started.\nStarting automated install" + std::string(300, '.'),
         Kind::silent,
         "storage",
         {"dots"},
         "another bus",
         seconds(60)},
        {"ks_language",
         "rocky9",
         anaconda + "Please select your language from the list: ",
         Kind::question,
         "",
         {"asks for the language"},
         "lang en_US.UTF-8"},
    };
}

class Verdict : public ::testing::TestWithParam<Case> {};

TEST_P(Verdict, names_step_cause_and_what_to_do_in_time) {
    test::expect_verdict(GetParam());
}

const auto named = [](const auto& tested) { return std::string(tested.param.name); };
INSTANTIATE_TEST_SUITE_P(Debian, Verdict, ::testing::ValuesIn(debian_cases()), named);
INSTANTIATE_TEST_SUITE_P(Anaconda, Verdict, ::testing::ValuesIn(anaconda_cases()), named);

TEST(Verdicts, an_installer_that_looks_at_its_disks_with_the_processor_busy_is_left_alone) {
    Clock::Instant now{std::chrono::hours(1)};
    Watcher watcher(templates::distribution("rocky9"), {.marker = "IMGFORGE-RESULT: success 1"}, now);
    watcher.console(anaconda, now);
    for (int i = 1; i <= 300; ++i) {
        now += seconds(1);
        watcher.console(".", now);
        watcher.stats({.written = 0, .cpu = seconds(i)}, now);
        watcher.tick(now);
    }

    EXPECT_FALSE(watcher.outcome()) << (watcher.outcome() ? watcher.outcome()->message : "");
}

TEST(Verdicts, agamas_login_while_it_writes_to_the_disk_means_nothing) {
    Clock::Instant now{std::chrono::hours(1)};
    Watcher watcher(templates::distribution("opensuse16"), {.marker = "IMGFORGE-RESULT: success 1"}, now);
    watcher.console("Linux version 6.12.0\nagama login: ", now);
    for (int i = 1; i <= 300; ++i) {
        now += seconds(1);
        watcher.stats({.written = static_cast<std::uint64_t>(i) << 20U, .cpu = seconds(i)}, now);
        watcher.tick(now);
    }

    EXPECT_FALSE(watcher.outcome()) << (watcher.outcome() ? watcher.outcome()->message : "");
}

}  // namespace
}  // namespace imgforge::install
