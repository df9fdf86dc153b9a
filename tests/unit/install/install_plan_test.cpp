// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/install_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    EXPECT_TRUE(spec.video) << "without it there is no screenshot";
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

TEST(MaskAnswers, hides_passwords_of_every_dialect) {
    const std::string masked = mask_answers(
        "d-i passwd/root-password password hunter22\nd-i passwd/user-password-crypted password $6$salt$hash\n"
        "d-i passwd/make-user boolean false\nrootpw --plaintext hunter22\nuser --name=a --password=hunter22 --plaintext\n"
        "    password: \"hunter22\"\n<user_password>hunter22</user_password>\n{\"hashedPassword\": \"hunter22\"}\n");

    EXPECT_THAT(masked, Not(HasSubstr("hunter22")));
    EXPECT_THAT(masked, Not(HasSubstr("$6$")));
    EXPECT_THAT(masked, HasSubstr("d-i passwd/root-password password ***"));
    EXPECT_THAT(masked, HasSubstr("d-i passwd/make-user boolean false\n"));
    EXPECT_THAT(masked, HasSubstr("user --name=a --password=***"));
}

}  // namespace
}  // namespace imgforge::install
