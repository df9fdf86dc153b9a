// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/install_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/redact_bytes.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/install/artefacts.hpp"
#include "builder/virt/domain_xml.hpp"

namespace imgforge::install {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

InstallPlan debian_plan() {
    InstallPlan plan{.row = &templates::distribution("debian13"), .name = "install-debian13"};
    plan.kernel = "/s/vmlinuz";
    plan.initrd = "/s/initrd";
    plan.kernel_line = "auto=true";
    plan.medium = "/m/debian.iso";
    plan.disk = "/s/disk.qcow2";
    plan.folder = "/run/x";
    return plan;
}

TEST(InstallDomain, is_a_machine_that_ends_instead_of_rebooting_and_has_no_network) {
    const virt::DomainSpec spec = install_domain(debian_plan());

    EXPECT_EQ(spec.on_reboot, virt::OnEnd::destroy);
    EXPECT_TRUE(spec.nics.empty());
    EXPECT_EQ(spec.disks.at(0).cache, "unsafe");
    EXPECT_EQ(spec.disks.at(1).device, virt::DiskSpec::Device::cdrom);
    EXPECT_EQ(spec.disks.at(1).bus, "sata");
    EXPECT_EQ(spec.serials.size(), 2U) << "console and d-i's log";
    EXPECT_TRUE(spec.video) << "no screenshot without it";
}

TEST(InstallDomain, attaches_answers_and_gives_a_socket_to_reach_a_kept_machine) {
    InstallPlan plan = debian_plan();
    plan.answers_iso = "/s/answers.iso";
    plan.keep_failed = true;

    const virt::DomainSpec spec = install_domain(plan);

    EXPECT_EQ(spec.disks.at(2).path, "/s/answers.iso");
    EXPECT_EQ(spec.serials.at(0).kind, virt::CharacterSpec::Kind::unix_socket);
    EXPECT_EQ(spec.serials.at(0).log, "/run/x/serial0.log");
}

TEST(InstallDomain, a_thick_disk_is_not_given_back_to_the_host_by_the_installers_trim) {
    InstallPlan plan = debian_plan();
    EXPECT_TRUE(install_domain(plan).disks.at(0).discard);
    plan.thick = true;
    EXPECT_FALSE(install_domain(plan).disks.at(0).discard);
}

TEST(WithArguments, puts_words_before_what_is_for_the_installed_system) {
    EXPECT_EQ(with_arguments("auto=true --- console=ttyS0", {"a", "b=c"}),
              "auto=true a b=c --- console=ttyS0");
    EXPECT_EQ(with_arguments("inst.cmdline", {"inst.ks=file:/ks.cfg"}), "inst.cmdline inst.ks=file:/ks.cfg");
    EXPECT_EQ(with_arguments("x --- y", {}), "x --- y");
    EXPECT_EQ(with_arguments("autoinstall a=b ---", {"autoinstall", "a=bc"}), "autoinstall a=b a=bc ---");
}

TEST(EmulationWords, are_for_installers_that_keep_their_words_apart_from_those_of_the_installed_system) {
    EXPECT_FALSE(emulation_words("auto=true --- console=ttyS0").empty());
    EXPECT_TRUE(emulation_words("inst.cmdline console=ttyS0").empty());
}

TEST(MaskAnswers, hides_passwords_of_every_dialect) {
    const std::string masked = mask_answers(
        "d-i passwd/root-password password hunter22\nd-i passwd/user-password-crypted password $6$salt$hash\n"
        "d-i passwd/make-user boolean false\nrootpw --plaintext hunter22\nuser --name=a --password=hunter22 "
        "--plaintext\n"
        "    password: \"hunter22\"\n<user_password>hunter22</user_password>\n{\"hashedPassword\": "
        "\"hunter22\"}\n");

    EXPECT_THAT(masked, Not(HasSubstr("hunter22")));
    EXPECT_THAT(masked, Not(HasSubstr("$6$")));
    EXPECT_THAT(masked, HasSubstr("d-i passwd/root-password password ***"));
    EXPECT_THAT(masked, HasSubstr("d-i passwd/make-user boolean false\n"));
    EXPECT_THAT(masked, HasSubstr("user --name=a --password=***"));
}

// debian-installer's log quotes the commands of the answers word for word.
TEST(RememberAnswerSecrets, hides_their_passwords_everywhere_and_keeps_the_length_of_raw_files) {
    remember_answer_secrets(
        "d-i passwd/user-password password correct-horse\nlock_passwd: false\nuser --name=a "
        "--password=battery-staple --plaintext\n");

    EXPECT_THAT(redact("running: echo user:correct-horse | chpasswd"), Not(HasSubstr("correct-horse")));
    EXPECT_THAT(redact("it is false"), HasSubstr("false"));
    const std::string raw("tar\0battery-staple\0$6$saltsalt$0123456789abcdefghij:1\xff", 54);
    const std::string masked = redact_bytes(raw);
    EXPECT_EQ(masked.size(), raw.size());
    EXPECT_THAT(masked, Not(HasSubstr("battery-staple")));
    EXPECT_THAT(masked, Not(HasSubstr("$6$")));
    EXPECT_THAT(masked, HasSubstr(":1\xff"));
}

TEST(ArtefactsMask, rewrites_a_raw_log_only_when_it_holds_a_secret) {
    const TempDir dir;
    const Artefacts artefacts(dir / "run");
    remember_answer_secrets("d-i passwd/root-password password tr0ub4dor\n");
    write_file_atomically(dir / "serial0.log", "root:tr0ub4dor\r\n");
    artefacts.mask(dir / "serial0.log");
    artefacts.mask(dir / "not-there.log");

    EXPECT_EQ(read_file(dir / "serial0.log"), "root:*********\r\n");
    EXPECT_FALSE(std::filesystem::exists(dir / "not-there.log"));
}

}  // namespace
}  // namespace imgforge::install
