// SPDX-License-Identifier: GPL-3.0-or-later
// Consoles of Ubuntu's, SUSE's and Alpine's installers that stop, in their own words.
#include "tests/unit/install/verdict_case.hpp"

namespace imgforge::install {
namespace {

using std::chrono::seconds;
using test::Case;
using test::Kind;

std::vector<Case> other_cases() {
    const std::string casper = "[    0.000000] Linux version 6.8.0-41-generic\n";
    const std::string openrc = "Linux version 6.12.0\nOpenRC 0.62.6 is starting up Linux 6.12 (x86_64)\n";
    return {
        {"ubuntu_language",
         "ubuntu2404",
         casper +
             "Willkommen! Bienvenue! Welcome! Добро пожаловать! Welkom!\n  Use UP, DOWN and ENTER keys to "
             "select your language.\n",
         Kind::question,
         "setup",
         {"language screen"},
         "version: 1"},
        {"ubuntu_package",
         "ubuntu2204",
         casper + "start: subiquity/Install/install/postinstall/install_frob: installing frob\nE: Unable to "
                  "locate package frob\nfinish: subiquity/Install/install/postinstall/install_frob: FAIL: "
                  "Command\nAn error occurred. Press enter to start a shell",
         Kind::failed,
         "postinstall",
         {"the package frob", "E: Unable to locate package frob"},
         "mirror"},
        {"ubuntu_no_memory",
         "ubuntu2404",
         casper + "mount: mounting /dev/loop0 on //filesystem.squashfs failed: Cannot allocate memory\n",
         Kind::failed,
         "",
         {"Cannot allocate memory"},
         "machine.memory"},
        {"ubuntu_updates",
         "ubuntu2404",
         casper + "start: subiquity/Install/install/postinstall/run_unattended_upgrades: downloading and "
                  "installing security updates\n",
         Kind::silent,
         "postinstall",
         {"waits for the network"},
         "answers.mirror",
         seconds(60)},
        {"ubuntu_autoinstall",
         "ubuntu2510",
         casper + "Malformed autoinstall in 'storage' section\n",
         Kind::failed,
         "",
         {"section storage"},
         "imgforge validate"},
        {"suse_popup",
         "sles15",
         "Linux version 6.4.0\nStarting Installation...\n None or wrong base product has been defined in the "
         "AutoYaST configuration file. Please check the products entry.\n                 [OK]\n",
         Kind::question,
         "yast",
         {"None or wrong base product has been defined"},
         "<products"},
        {"suse_unknown_popup",
         "opensuse",
         "Linux version 6.4.0\nStarting Installation...\n The flux is too low for this release.\n    [Yes]   "
         "[No]",
         Kind::question,
         "yast",
         {"The flux is too low for this release."},
         "answer"},
        {"suse_packages",
         "opensuse",
         "Linux version 6.4.0\nStarting Installation...\nThese packages could not be found in the software "
         "repositories: frob\n [OK]",
         Kind::question,
         "yast",
         {"could not be found in the software repositories: frob"},
         "software"},
        {"agama_without_profile",
         "opensuse16",
         "Linux version 6.12.0\nWelcome to openSUSE Leap 16.0!\nagama login: ",
         Kind::silent,
         "agama",
         {"found no profile"},
         "OEMDRV",
         seconds(60)},
        {"alpine_package",
         "alpine",
         openrc +
             "Installation is complete. Please reboot.\nERROR: unable to select packages:\n  frob (no such "
             "package):\n    required by: world[frob]\nIMGFORGE-RESULT: failed, see the console\nlocalhost "
             "login: ",
         Kind::failed,
         "",
         {"frob (no such package)"},
         "community"},
        {"alpine_post",
         "alpine",
         openrc + "Installation is complete. Please reboot.\nimgforge: post command 1 of 1\n"
                  "IMGFORGE-RESULT: failed, post command 1 of 1, exit code 3\nlocalhost login: ",
         Kind::failed,
         "",
         {"post command 1 of 1, exit code 3"},
         "|| true"},
        {"alpine_no_overlay",
         "alpine",
         openrc + "localhost login: ",
         Kind::question,
         "",
         {"its start script did not run"},
         "apkovl"},
        {"alpine_erase",
         "alpine",
         openrc + "WARNING: Erase the above disk(s) and continue? (y/n) [n] ",
         Kind::question,
         "setup",
         {"before it erases the disk"},
         "ERASE_DISKS"},
        {"alpine_keyboard",
         "alpine",
         openrc + "Select keyboard layout: [none] ",
         Kind::question,
         "setup",
         {"keyboard layout"},
         "KEYMAPOPTS"},
    };
}

class OtherVerdict : public ::testing::TestWithParam<Case> {};

TEST_P(OtherVerdict, names_step_cause_and_what_to_do_in_time) {
    test::expect_verdict(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Families, OtherVerdict, ::testing::ValuesIn(other_cases()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace imgforge::install
