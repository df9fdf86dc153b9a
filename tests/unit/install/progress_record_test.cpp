// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/progress_record.hpp"

#include <gmock/gmock.h>

namespace imgforge::install {
namespace {

TEST(ProgressRecord, keeps_a_point_when_a_percent_or_the_step_changes) {
    ProgressRecord record;
    for (int quarter = 0; quarter < 400; ++quarter) {
        record.note(quarter / 4.0, quarter / 40.0,
                    quarter < 200 ? "Partition disks" : "Install the base system");
    }

    const Json points = record.json();

    ASSERT_EQ(points.size(), 10U);
    EXPECT_EQ(points[0], (Json{{"second", 0.0}, {"percent", 0.0}, {"step", "Partition disks"}}));
    EXPECT_EQ(points[5]["step"], "Install the base system");
    EXPECT_EQ(points[5]["second"], 50.0);
}

TEST(ProgressRecord, of_an_installer_that_runs_in_circles_stays_small) {
    ProgressRecord record;
    for (int i = 0; i < 100000; ++i) {
        record.note(i, 10, i % 2 == 0 ? "a" : "b");
    }
    EXPECT_LE(record.json().size(), 2000U);
}

}  // namespace
}  // namespace imgforge::install
