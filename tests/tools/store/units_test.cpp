// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

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
         .args = {"verify", "--man=no", unit("imgforge-refresh.service"), unit("imgforge-refresh.timer"),
                  unit("imgforge-follow.service"), unit("imgforge-follow.timer")}});
    // The program itself is installed by the package only; everything else would be an error of ours.
    EXPECT_THAT(result.err, testing::Not(testing::ContainsRegex("Unknown|Invalid|Failed to parse|ignoring")))
        << result.err;
}

/// Tenths, as `--threshold` of systemd-analyze takes them: more exposure than this is a failure.
class Exposure : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(Exposure, stays_below_what_the_unit_needs) {
    if (!find_program("systemd-analyze")) {
        IMGFORGE_SKIP("tools", "systemd-analyze is not installed");
    }
    const auto [name, most] = GetParam();
    SystemProcessRunner processes;
    const ProcessResult result = processes.run(
        {.program = "systemd-analyze",
         .args = {"security", "--offline=true", fmt::format("--threshold={}", most), unit(name)}});
    EXPECT_EQ(result.code, 0) << result.out;
    EXPECT_THAT(read_file(unit(name)), testing::HasSubstr("RuntimeDirectory=imgforge"));
}

INSTANTIATE_TEST_SUITE_P(Units, Exposure,
                         testing::Values(std::pair("imgforge-refresh.service", 29),
                                         std::pair("imgforge-autostart.service", 49),
                                         std::pair("imgforge-spool.service", 49),
                                         std::pair("imgforge-follow.service", 29)));

TEST(RefreshUnits, missed_run_is_made_up_for) {
    EXPECT_THAT(read_file(unit("imgforge-refresh.timer")), testing::HasSubstr("Persistent=yes"));
}

}  // namespace
}  // namespace imgforge
