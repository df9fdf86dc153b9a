// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/doctor/doctor.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/doctor/device_access.hpp"
#include "tests/support/fake_process_runner.hpp"

namespace imgforge::doctor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct stat device(uid_t owner, gid_t group, mode_t mode) {
    struct stat file = {};
    file.st_uid = owner;
    file.st_gid = group;
    file.st_mode = S_IFCHR | mode;
    return file;
}

TEST(DeviceAccess, is_decided_by_the_first_class_that_fits) {
    const HostUser qemu{.name = "libvirt-qemu", .uid = 64055, .groups = {107, 64055}};

    EXPECT_TRUE(may_read_and_write(device(0, 107, 0660), qemu));
    EXPECT_FALSE(may_read_and_write(device(0, 0, 0660), qemu));
    EXPECT_FALSE(may_read_and_write(device(0, 0, 0600), qemu));
    EXPECT_TRUE(may_read_and_write(device(0, 0, 0666), qemu));
    EXPECT_FALSE(may_read_and_write(device(0, 107, 0646), qemu)) << "the group's bits count, not everybody's";
    EXPECT_FALSE(may_read_and_write(device(0, 107, 0640), qemu)) << "reading alone starts no guest";
    EXPECT_FALSE(may_read_and_write(device(64055, 107, 0060), qemu));
    EXPECT_TRUE(may_read_and_write(device(0, 0, 0), {.name = "root", .uid = 0}));
}

TEST(DeviceAccess, knows_the_users_of_this_host) {
    const std::optional<HostUser> root = host_user("root");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->uid, 0U);
    EXPECT_THAT(root->groups, testing::Contains(0U));
    EXPECT_FALSE(host_user("no such user"));
}

TEST(QemuUser, is_the_last_one_that_the_settings_name) {
    EXPECT_EQ(qemu_user(""), "libvirt-qemu");
    EXPECT_EQ(qemu_user("#user = \"root\"\n"), "libvirt-qemu");
    EXPECT_EQ(qemu_user("user = \"qemu\"\nswtpm_user = \"tss\"\n"), "qemu");
    EXPECT_EQ(qemu_user("user = \"a\"\n  user=\"+0\"\n"), "root");
}

/// The checks that the host decides are seen by running the program; here, what becomes of their answers.
class Examine : public testing::Test {
protected:
    std::vector<Check> examine_one(CheckType type) {
        DoctorContext context{.places = places_,
                              .settings = settings_,
                              .processes = processes_,
                              .monitor = monitor_,
                              .quick = quick_};
        return examine(context, {std::move(type)});
    }
    TempDir home_{"doctor-test"};
    Places places_{home_.path()};
    Settings settings_;
    imgforge::test::FakeProcessRunner processes_;
    RecordingMonitor monitor_;
    bool quick_ = false;
};

TEST_F(Examine, a_check_that_throws_is_a_failed_check_with_its_hint) {
    const std::vector<Check> found = examine_one(
        {"x", false,
         [](DoctorContext&) -> Check { throw Error(Failure::host, "no such thing", "install it"); },
         "other"});

    ASSERT_THAT(found, testing::SizeIs(1));
    EXPECT_EQ(found[0].name, "x");
    EXPECT_FALSE(found[0].ok);
    EXPECT_TRUE(found[0].required);
    EXPECT_EQ(found[0].fix, "install it");
    EXPECT_THAT(to_text(found), HasSubstr("MISSING  x                no such thing"));
    EXPECT_THAT(to_text(found), HasSubstr("fix: install it"));
}

TEST_F(Examine, a_failed_check_always_says_how_it_is_fixed) {
    for (const CheckType& type : all_checks()) {
        const std::string expected = type.fix.empty() ? type.command : type.fix;
        EXPECT_THAT(expected, Not(IsEmpty())) << type.name;
        CheckType broken = type;
        broken.slow = false;
        broken.run = [](DoctorContext&) -> Check { throw Error(Failure::tool, "broken"); };
        EXPECT_EQ(to_json(examine_one(broken))["checks"][0]["fix"], expected);
    }
}

TEST_F(Examine, quick_leaves_out_what_starts_a_machine) {
    quick_ = true;
    EXPECT_THAT(
        examine_one({"slow", true, [](DoctorContext&) -> Check { throw Error(Failure::tool, "ran"); }, "x"}),
        IsEmpty());
}

TEST_F(Examine, a_command_is_also_what_a_person_reads) {
    const std::vector<Check> checks = examine_one(
        {.name = "x", .run = [](DoctorContext&) { return Check{.command = "apt-get install -y x"}; }});

    EXPECT_EQ(checks.front().fix, "apt-get install -y x");
    EXPECT_EQ(to_json(checks)["checks"][0]["command"], "apt-get install -y x");
}

TEST_F(Examine, a_check_without_a_command_of_its_own_takes_its_types) {
    const std::vector<Check> checks =
        examine_one({.name = "x", .run = [](DoctorContext&) { return Check{}; }, .command = "true"});

    EXPECT_EQ(checks.front().command, "true");
    EXPECT_EQ(checks.front().fix, "true");
}

}  // namespace
}  // namespace imgforge::doctor
