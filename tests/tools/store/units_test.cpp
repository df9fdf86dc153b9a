// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "tests/support/require.hpp"

namespace imgforge {
namespace {

std::string unit(const std::string& name) {
    return data_path("pipelines/units/" + name).string();
}

TEST(RefreshUnits, systemd_finds_no_fault_in_them) {
    if (!find_program("systemd-analyze")) {
        IMGFORGE_SKIP("tools", "systemd-analyze is not installed");
    }
    SystemProcessRunner processes;
    const ProcessResult result = processes.run(
        {.program = "systemd-analyze",
         .args = {"verify", "--man=no", unit("imgforge-refresh.service"), unit("imgforge-refresh.timer")}});
    // The program itself is installed by the package only; everything else would be a fault of ours.
    EXPECT_THAT(result.err, testing::Not(testing::ContainsRegex("Unknown|Invalid|Failed to parse|ignoring")))
        << result.err;
}

TEST(RefreshUnits, missed_run_is_made_up_for) {
    EXPECT_THAT(read_file(unit("imgforge-refresh.timer")), testing::HasSubstr("Persistent=yes"));
}

}  // namespace
}  // namespace imgforge
