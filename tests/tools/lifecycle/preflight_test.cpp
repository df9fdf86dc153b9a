// SPDX-License-Identifier: GPL-3.0-or-later
// Who may read a golden disk: the QEMU of qemu:///system is a user of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/sharing.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/lifecycle/preflight.hpp"
#include "tests/support/require.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

class GoldenDisk : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0 || !qemu_user() || !qemu_group()) {
            IMGFORGE_SKIP("tools", "needs root, and the user and the group that libvirt's QEMU runs as");
        }
        fs::permissions(folder_.path(), fs::perms(0711));
        write_file_atomically(disk_, "a disk", 0440);
    }
    void belongs_to(uid_t user, gid_t group) const { ASSERT_EQ(::chown(disk_.c_str(), user, group), 0); }

    TempDir folder_{"imgforge-golden"};
    fs::path disk_ = folder_ / "disk.qcow2";
};

TEST_F(GoldenDisk, of_the_group_that_runs_machines_can_be_used) {
    belongs_to(0, *qemu_group());
    EXPECT_NO_THROW(check_paths_for_system({disk_}));
}

TEST_F(GoldenDisk, that_libvirt_made_its_qemus_own_can_be_used_by_the_next_machine) {
    belongs_to(*qemu_user(), 0);
    EXPECT_NO_THROW(check_paths_for_system({disk_}));
}

TEST_F(GoldenDisk, that_is_closed_to_it_is_an_error_with_the_command_that_opens_it) {
    belongs_to(0, 0);
    try {
        check_paths_for_system({disk_});
        FAIL() << "taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::host);
        EXPECT_THAT(error.hint(), testing::HasSubstr("chgrp kvm " + disk_.string()));
    }
}

}  // namespace
}  // namespace imgforge::lifecycle
