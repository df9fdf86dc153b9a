// SPDX-License-Identifier: GPL-3.0-or-later
// Several hosts on one spool directory, and what is said of files that come too late.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lifecycle/spool_scene.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

using SpoolShareTest = SpoolTest;

TEST_F(SpoolShareTest, hosts_take_turns_and_none_takes_all) {
    run(alpha_, "alpha");
    run(beta_, "beta");  // both are known to be alive
    for (const char* const name : {"a", "b", "c", "d"}) {
        drop(std::string("inst/") + name + ".properties", "image=debian13\n");
    }
    for (int turn = 0; turn < 4; ++turn) {
        run(alpha_, "alpha");
        run(beta_, "beta");
    }
    EXPECT_EQ(alpha_.list.size(), 2U);
    EXPECT_EQ(beta_.list.size(), 2U);
}

TEST_F(SpoolShareTest, a_host_that_is_gone_is_not_waited_for) {
    run(beta_, "beta");
    fs::last_write_time(temp_ / "hosts/beta", fs::file_time_type::clock::now() - std::chrono::minutes(10));
    drop("inst/a.properties", "image=debian13\n");
    drop("inst/b.properties", "image=debian13\n");
    run(alpha_, "alpha");
    EXPECT_EQ(alpha_.list.size(), 2U);
}

TEST_F(SpoolShareTest, what_the_other_host_did_not_take_in_time_is_taken) {
    run(beta_, "beta");
    drop("inst/a.properties", "image=debian13\n");
    drop("inst/b.properties", "image=debian13\n");
    run(alpha_, "alpha");
    EXPECT_EQ(alpha_.list.size(), 1U) << "the second is the other host's";
    fs::last_write_time(temp_ / "inst/b.properties",
                        fs::file_time_type::clock::now() - std::chrono::minutes(3));
    run(alpha_, "alpha");
    EXPECT_EQ(alpha_.list.size(), 2U);
}

TEST_F(SpoolShareTest, cleanup_frees_a_destroyed_name_and_no_other) {
    drop("inst/web.properties", "image=debian13\n");
    run(alpha_);
    drop("cleanup/web");
    EXPECT_EQ(run(alpha_).failed, 1);
    EXPECT_THAT(text("cleanup/web.FAILED"), HasSubstr("destroy/web"));

    drop("destroy/web");
    drop("cleanup/web");
    run(alpha_);

    EXPECT_THAT(alpha_.forgotten, testing::Contains("web"));
    EXPECT_THAT(text("log/cleanup.log"), HasSubstr("alpha web ok"));
    EXPECT_FALSE(exists("cleanup/web.FAILED"));
    EXPECT_TRUE(exists("inst/web.DESTROYED")) << "it does not come back";
}

TEST_F(SpoolShareTest, cleanup_is_the_work_of_the_host_that_destroyed_the_machine) {
    drop("inst/web.properties", "image=debian13\n");
    run(alpha_, "alpha");
    drop("destroy/web");
    run(alpha_, "alpha");
    drop("cleanup/web");

    run(beta_, "beta");
    EXPECT_TRUE(exists("cleanup/web"));
    run(alpha_, "alpha");
    EXPECT_FALSE(exists("cleanup/web"));
}

TEST_F(SpoolShareTest, properties_that_are_edited_too_late_are_told_once) {
    drop("inst/web.properties", "image=debian13\n");
    run(alpha_);
    EXPECT_FALSE(exists("inst/web.EDITED"));
    fs::last_write_time(temp_ / "inst/web.properties",
                        fs::file_time_type::clock::now() + std::chrono::seconds(5));
    run(alpha_);
    EXPECT_THAT(text("inst/web.EDITED"), HasSubstr("imgforge set web"));
    EXPECT_THAT(text("log/spawn.log"), HasSubstr("changed after the machine was made"));
    fs::last_write_time(temp_ / "inst/web.EDITED",
                        fs::file_time_type::clock::now() + std::chrono::seconds(5));
    const auto before = text("log/spawn.log");
    run(alpha_);
    EXPECT_EQ(text("log/spawn.log"), before);
    EXPECT_THAT(alpha_.calls, testing::Contains("spawn web").Times(1));
}

}  // namespace
}  // namespace imgforge::lifecycle
