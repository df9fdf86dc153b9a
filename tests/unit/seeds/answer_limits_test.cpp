// SPDX-License-Identifier: GPL-3.0-or-later
// What a format or a release cannot say, what its reader wants spelt otherwise, and what its checks know.
#include "seeds/answer_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "seeds/answers.hpp"

namespace imgforge::seeds {
namespace {

using testing::HasSubstr;
using testing::Not;

Answers answers_of(const Json& block) {
    Diagnostics faults;
    Answers answers = parse_answers(block, faults);
    EXPECT_TRUE(faults.empty()) << faults.text();
    return answers;
}

std::string limits(AnswerFormat format, const Json& block, const AnswerFacts& facts) {
    Diagnostics faults;
    check_limits(format, answers_of(block), facts, faults, "/answers");
    std::string text;
    for (const Diagnostic& fault : faults.list()) {
        text += fault.pointer + ": " + fault.message + "\n";
    }
    return text;
}

const AnswerFacts rocky8{.nonce = "n", .version = "8.9", .product = "Rocky Linux"};
const AnswerFacts rocky9{.nonce = "n", .version = "9", .product = "Rocky Linux"};
const AnswerFacts fedora{.nonce = "n", .version = "42", .product = "Fedora"};
const AnswerFacts noble{.nonce = "n", .version = "24.04", .product = "Ubuntu Server"};
const AnswerFacts sles{.nonce = "n", .version = "15", .product = "SUSE Linux Enterprise Server"};
const AnswerFacts alpine{.nonce = "n", .version = "3.22.1", .product = "Alpine Linux"};

TEST(AnswerLimits, name_each_answer_a_format_cannot_say) {
    const std::string found = limits(AnswerFormat::autoyast,
                                     {{"mirror", "http://m.example/"},
                                      {"keyboard-variant", "x"},
                                      {"kernel", "k"},
                                      {"security-updates", true}},
                                     sles);
    EXPECT_THAT(found, HasSubstr("/answers/mirror: 'mirror' cannot be said"));
    EXPECT_THAT(found, HasSubstr("/answers/keyboard-variant: "));
    EXPECT_THAT(found, HasSubstr("/answers/kernel: "));
    EXPECT_THAT(found, HasSubstr("/answers/security-updates: "));
    EXPECT_THAT(limits(AnswerFormat::agama, {{"mirror", "http://m.example/"}, {"kernel", "k"}}, sles),
                HasSubstr("/answers/kernel: "));
    EXPECT_THAT(limits(AnswerFormat::kickstart, {{"kernel", "k"}, {"security-updates", true}}, rocky9),
                HasSubstr("/answers/security-updates: "));
    EXPECT_THAT(limits(AnswerFormat::alpine, {{"locale", "de_DE.UTF-8"}, {"kernel", "bzImage"}}, alpine),
                HasSubstr("/answers/locale: 'locale' cannot be said in setup-alpine's answers"));
}

TEST(AnswerLimits, btrfs_is_fedoras_and_not_the_enterprise_releases) {
    const Json btrfs{{"disk", {{"filesystem", "btrfs"}}}};
    EXPECT_THAT(limits(AnswerFormat::kickstart, btrfs, rocky9), HasSubstr("Rocky Linux has no btrfs"));
    EXPECT_EQ(limits(AnswerFormat::kickstart, btrfs, fedora), "");
}

TEST(AnswerLimits, what_can_be_said_is_said_and_no_fault) {
    const Json block{{"disk", {{"filesystem", "xfs"}}}, {"kernel", "linux-image-virtual"}};
    EXPECT_EQ(limits(AnswerFormat::autoinstall, block, noble), "");
    const std::string text = answer_text(AnswerFormat::autoinstall, answers_of(block), noble);
    EXPECT_THAT(text, HasSubstr("xfs"));
    EXPECT_THAT(text, HasSubstr("linux-image-virtual"));
    const std::string own =
        answer_text(AnswerFormat::alpine,
                    answers_of({{"disk", {{"filesystem", "xfs"}}}, {"kernel", "linux-virt"}}), alpine);
    EXPECT_THAT(own, HasSubstr("export ROOTFS=xfs"));
    EXPECT_THAT(own, HasSubstr("-k virt "));
}

TEST(Kickstart, spells_weak_dependencies_as_the_release_reads_them) {
    EXPECT_THAT(answer_text(AnswerFormat::kickstart, {}, rocky8), HasSubstr("%packages --excludeWeakdeps\n"));
    EXPECT_THAT(answer_text(AnswerFormat::kickstart, {}, rocky9),
                HasSubstr("%packages --exclude-weakdeps\n"));
    EXPECT_THAT(answer_text(AnswerFormat::kickstart, {}, fedora),
                HasSubstr("%packages --exclude-weakdeps\n"));
}

TEST(Packages, that_the_medium_lacks_mean_a_network) {
    const Answers guest = answers_of({{"packages", {"openssh-server", "qemu-guest-agent"}}});
    EXPECT_TRUE(wants_network(AnswerFormat::autoinstall, guest, noble));
    EXPECT_FALSE(
        wants_network(AnswerFormat::autoinstall, answers_of({{"packages", {"openssh-server"}}}), noble));
    EXPECT_THAT(answer_text(AnswerFormat::autoinstall, guest, noble), Not(HasSubstr("offline-install")));
    const Answers sudo = answers_of({{"packages", {"sudo"}}});
    EXPECT_TRUE(wants_network(AnswerFormat::alpine, sudo, alpine));
    EXPECT_THAT(answer_text(AnswerFormat::alpine, sudo, alpine), HasSubstr("APKREPOSOPTS='-c -1'"));
    EXPECT_THAT(answer_text(AnswerFormat::alpine, {}, alpine), HasSubstr("/media/*/apks"));
    EXPECT_THAT(limits(AnswerFormat::alpine, {{"packages", {"sudo"}}, {"offline", true}}, alpine),
                HasSubstr("/answers/packages: not on the ISO, and the installation is offline: sudo"));
}

TEST(Autoyast, names_the_product_of_sles_and_types_the_timeout) {
    const std::string text = answer_text(AnswerFormat::autoyast, {}, sles);
    EXPECT_THAT(text, HasSubstr("<product>SLES</product>"));
    EXPECT_THAT(text, HasSubstr("<timeout config:type=\"integer\">1</timeout>"));
}

std::string checked(AnswerFormat format, const std::string& text, const AnswerFacts& facts = {}) {
    return check(format, text, "f", facts).text();
}

const std::string kickstart_end = "rootpw --lock\nautopart\npoweroff\n%packages\n@core\n%end\n";

TEST(KickstartWords, are_as_many_as_the_command_takes) {
    const auto of = [](const std::string& line) {
        return checked(AnswerFormat::kickstart, line + "\n" + kickstart_end, rocky9);
    };
    EXPECT_THAT(of("lang"), HasSubstr("f:1: 'lang' needs a value"));
    EXPECT_THAT(of("rootpw"), HasSubstr("'rootpw' needs a value"));
    EXPECT_THAT(of("volgroup vg"), HasSubstr("'volgroup' needs 2 values, not 1"));
    EXPECT_THAT(of("poweroff now"), HasSubstr("'poweroff' does not take 'now'"));
    EXPECT_THAT(of("url"), HasSubstr("'url' needs --url or --mirrorlist or --metalink"));
    for (const char* const fine : {"lang en_US.UTF-8 --addsupport de_DE.UTF-8", "rootpw --lock",
                                   "timezone --utc", "url --mirrorlist http://mirror.example/",
                                   "firstboot --disabled", "services --enabled sshd,chronyd",
                                   "keyboard --xlayouts 'de (nodeadkeys)'", "sshkey --username a \"k x\""}) {
        EXPECT_EQ(of(fine), "") << fine;
    }
}

TEST(KickstartOptions, are_known_by_release_with_their_values) {
    const auto of = [](const std::string& line, const AnswerFacts& facts) {
        return checked(AnswerFormat::kickstart, line + "\n" + kickstart_end, facts);
    };
    EXPECT_THAT(of("clearpart --alll", rocky9),
                HasSubstr("f:1: 'clearpart' has no option --alll in RHEL9 (did you "
                          "mean '--all'?)"));
    EXPECT_THAT(of("part / --size=5GB", rocky9), HasSubstr("--size takes a whole number, not '5GB'"));
    EXPECT_THAT(of("install", rocky9), HasSubstr("the command 'install' was removed in RHEL9"));
    EXPECT_THAT(of("install", rocky8), HasSubstr("warning: the command 'install' is deprecated in RHEL8"));
    EXPECT_THAT(of("user --password=x", fedora), HasSubstr("'user' needs the option --name"));
    EXPECT_THAT(of("rootpw --lock --allow-ssh", rocky8), HasSubstr("has no option --allow-ssh in RHEL8"));
    EXPECT_THAT(of("rootpw --lock --allow-ssh", rocky8), Not(HasSubstr("did you mean '--allow-ssh'")));
    EXPECT_THAT(of("part / --size 4096", rocky9),
                HasSubstr("'autopart' and 'part' cannot stand in one file"));
    EXPECT_THAT(of("zerombr yes", rocky9), HasSubstr("f:1: 'zerombr' does not take 'yes'"));
    EXPECT_EQ(of("network --bootproto=dhcp --hostname \"a b\" # --frob", rocky9), "");
    EXPECT_EQ(of("url --url=http://m.example/ --noverifyssl", {}), "");
}

TEST(KickstartMarker, turns_another_end_into_power_off_and_adds_a_missing_one) {
    const AnswerFacts facts{.nonce = "n0"};
    const std::string reboot =
        with_marker(AnswerFormat::kickstart, "reboot --eject\n%post\nreboot\n%end\n", facts);
    EXPECT_THAT(reboot, testing::StartsWith("poweroff\n%post\nreboot\n%end\n"));
    EXPECT_THAT(with_marker(AnswerFormat::kickstart, "autopart\n", facts),
                testing::StartsWith("poweroff\nautopart\n"));
}

TEST(OwnFiles, get_a_missing_power_off_added) {
    const AnswerFacts facts{.nonce = "n0"};
    EXPECT_THAT(with_marker(AnswerFormat::preseed, "d-i time/zone string UTC\n", facts),
                HasSubstr("debian-installer/exit/poweroff boolean true\n"));
    const std::string autoinstall = with_marker(
        AnswerFormat::autoinstall, "#cloud-config\nautoinstall:\n  version: 1\n  shutdown: reboot\n", facts);
    EXPECT_THAT(autoinstall, HasSubstr("\n  shutdown: poweroff\n"));
    EXPECT_THAT(autoinstall, Not(HasSubstr("reboot")));
    EXPECT_THAT(with_marker(AnswerFormat::autoyast, "<profile/>", facts),
                HasSubstr("<halt config:type=\"boolean\">true</halt>"));
}

const std::string preseed_disk =
    "d-i partman-auto/method string regular\nd-i partman-partitioning/confirm_write_new_label boolean true\n"
    "d-i partman/choose_partition select finish\nd-i partman/confirm boolean true\n"
    "d-i partman/confirm_nooverwrite boolean true\nd-i finish-install/reboot_in_progress note\n"
    "d-i debian-installer/exit/poweroff boolean true\n";
const std::string preseed_accounts =
    "d-i passwd/root-login boolean false\nd-i passwd/user-fullname string A\nd-i passwd/username string ann\n"
    "d-i passwd/user-password-crypted password *\n";

TEST(PreseedChecks, know_accounts_recipes_and_what_is_boolean) {
    EXPECT_EQ(checked(AnswerFormat::preseed, preseed_disk + preseed_accounts), "");
    EXPECT_THAT(checked(AnswerFormat::preseed, preseed_disk), HasSubstr("no account for root"));
    EXPECT_THAT(checked(AnswerFormat::preseed, preseed_disk), HasSubstr("no answer about a user"));
    const std::string all = preseed_disk + preseed_accounts;
    EXPECT_THAT(checked(AnswerFormat::preseed, all + "d-i partman-auto/choose_recipe select atomc\n"),
                HasSubstr("unknown partition recipe 'atomc' (did you mean 'atomic'?)"));
    EXPECT_THAT(
        checked(AnswerFormat::preseed,
                all + "d-i partman-auto/expert_recipe string own :: 1 2 3 ext4 mountpoint{ /srv } .\n"),
        HasSubstr("no partition for the root file system"));
    EXPECT_EQ(checked(AnswerFormat::preseed,
                      all + "d-i partman-auto/expert_recipe string own :: 1 2 3 ext4 mountpoint{ / } .\n"
                            "d-i partman-auto/choose_recipe select own\n"
                            "d-i apt-setup/universe boolean true\n"),
              "");
}

TEST(AutoinstallChecks, want_someone_who_can_log_in) {
    EXPECT_THAT(checked(AnswerFormat::autoinstall, "#cloud-config\nautoinstall:\n  version: 1\n"),
                HasSubstr("neither 'identity' nor 'user-data'"));
    EXPECT_EQ(checked(AnswerFormat::autoinstall,
                      "#cloud-config\nautoinstall:\n  version: 1\n  user-data: {users: [default]}\n"),
              "");
}

TEST(AutoyastChecks, want_the_types_the_grammar_wants) {
    const std::string profile =
        "<profile xmlns=\"http://www.suse.com/1.0/yast2ns\" "
        "xmlns:config=\"http://www.suse.com/1.0/configns\">\n"
        "<general><mode><confirm config:type=\"boolean\">false</confirm>"
        "<halt config:type=\"boolean\">true</halt></mode></general>\n"
        "<partitioning config:type=\"list\"/>\n";
    EXPECT_EQ(checked(AnswerFormat::autoyast, profile + "</profile>"), "");
    EXPECT_THAT(checked(AnswerFormat::autoyast, profile + "<software><packages/></software></profile>"),
                HasSubstr("f:4: <packages> has no type (try: <packages config:type=\"list\">)"));
}

}  // namespace
}  // namespace imgforge::seeds
