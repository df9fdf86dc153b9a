// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/build.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "tests/unit/engine/fake_stage.hpp"

using testing::AllOf;

namespace imgforge::engine::test {
namespace {

std::size_t scratch_folders(const Places& places) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(places.stages())) {
        count += entry.path().filename().string().starts_with(".") ? 1U : 0U;
    }
    return count;
}

TEST(Build, runs_every_stage_once_and_then_none) {
    Workshop shop;

    const BuildReport first = shop.build();
    const BuildReport second = shop.build();

    EXPECT_THAT(shop.world->ran, SizeIs(8));
    EXPECT_EQ(disk_text(first), disk_text(second));
    for (const BuiltStage& stage : second.stages) {
        EXPECT_EQ(stage.plan.verdict, PlannedStage::Verdict::reuse)
            << stage.plan.name << ": " << stage.plan.reason;
    }
    EXPECT_EQ(build_record(second)["generation"], 1);
    EXPECT_EQ(scratch_folders(shop.host().places), 0U);
}

TEST(Build, promotes_after_the_last_stage_and_again_when_everything_was_reused) {
    Workshop shop;
    shop.build();
    shop.build();
    // The second time because a build may be killed between the last stage and its hooks; hooks are
    // idempotent.
    EXPECT_THAT(shop.world->hooks, ElementsAre("promote", "promote"));
}

TEST(Build, quarantines_when_a_later_stage_fails_and_resumes_there) {
    Workshop shop;
    shop.world->fail["seven"] = 1;

    std::string context;
    try {
        shop.build();
        FAIL() << "the stage fails";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::guest);
        context = error.describe();
    }

    EXPECT_THAT(context, HasSubstr("stage 'seven' (sample.recipe:11)"));
    EXPECT_THAT(context, HasSubstr("runs/"));
    EXPECT_THAT(shop.world->hooks, ElementsAre(AllOf(HasSubstr("quarantine"),
                                                     HasSubstr("the package 'nonsense' does not exist"))));
    const std::vector<PlannedStage> plan = shop.plan();
    EXPECT_THAT(running(plan), ElementsAre("seven"));
    EXPECT_THAT(plan.back().reason, HasSubstr("failed last time"));
    shop.build();
    EXPECT_THAT(shop.world->ran, SizeIs(8));
}

TEST(Build, undoes_in_reverse_order_on_success_failure_and_interrupt) {
    Workshop shop;
    shop.build();
    EXPECT_EQ(shop.world->undone.front(), "seven");
    EXPECT_EQ(shop.world->undone.back(), "one");

    shop.world->undone.clear();
    shop.world->interrupt["three"] = 1;
    EXPECT_THROW(shop.build({.fresh = true}), Interrupted);
    EXPECT_THAT(shop.world->undone, ElementsAre("three", "two", "one"));
    EXPECT_THAT(shop.world->hooks, ElementsAre("promote"));
}

TEST(Build, an_interrupt_leaves_no_scratch_and_resumes) {
    Workshop shop;
    shop.world->interrupt["three"] = 1;

    EXPECT_THROW(shop.build(), Interrupted);

    EXPECT_EQ(scratch_folders(shop.host().places), 0U);
    EXPECT_THAT(shop.plan()[2].reason, HasSubstr("was interrupted last time"));
    shop.build();
    EXPECT_THAT(shop.world->ran,
                ElementsAre("one", "two", "three", "four", "five", "six", "publish", "seven"));
}

TEST(Build, runs_consecutive_stages_of_one_group_together_and_keeps_what_was_published) {
    Workshop shop;
    shop.world->fail["five"] = 1;

    EXPECT_THROW(shop.build(), Error);

    EXPECT_EQ(shop.world->groups.back(), 2U);
    EXPECT_THAT(running(shop.plan()), ElementsAre("five", "six", "publish", "seven"));
}

TEST(Build, until_stops_and_promotes_nothing) {
    Workshop shop;
    const BuildReport report = shop.build({.until = "publish"});
    EXPECT_THAT(report.stages, SizeIs(7));
    EXPECT_THAT(shop.world->hooks, IsEmpty());
    shop.build();
    EXPECT_THAT(shop.world->hooks, ElementsAre("promote"));
}

TEST(Build, from_and_fresh_run_again_without_touching_the_layers_others_stand_on) {
    Workshop shop;
    const BuildReport first = shop.build({.until = "two"});
    const std::filesystem::path old_disk = *first.disk;
    shop.clock.set_wall(shop.clock.wall_seconds() + 10);

    const BuildReport again = shop.build({.from = "two", .until = "two"});

    EXPECT_THAT(shop.world->ran, ElementsAre("one", "two", "two"));
    EXPECT_NE(*again.disk, old_disk);
    EXPECT_EQ(disk_text(again), read_file(*again.disk));
    EXPECT_THROW(shop.build({.from = "tow"}), Error);
}

// What --plan and --explain say: the first thing that differs, in the words of the one who changed it.
TEST(Plan, names_the_line_of_a_file_the_option_the_tool_and_the_revision) {
    Workshop shop;
    const std::filesystem::path tools = shop.home / "bin";
    std::filesystem::create_directories(tools);
    write_file_atomically(tools / "shaper", "#!/bin/sh\n", 0755);
    const std::string path = std::string(::getenv("PATH"));
    ::setenv("PATH", (tools.string() + ":" + path).c_str(), 1);
    shop.type("two").tool_ = "shaper";
    std::string lines;
    for (int i = 1; i <= 20; ++i) {
        lines += fmt::format("d-i key{} string value\n", i);
    }
    write_file_atomically(shop.home / "preseed.cfg", lines);
    const std::vector<Override> recipe = {{"stages.one.file", "preseed.cfg"}};
    shop.written["two"] = "{password: first-s3cret}";
    shop.build({}, recipe);
    const auto reason = [&](std::size_t stage, const std::vector<Override>& changed) {
        return shop.plan({}, changed)[stage].reason;
    };

    EXPECT_EQ(reason(2, {recipe[0], {"stages.three.count", "5"}}), "option 'count' changed from 2 to 5");
    shop.written["two"] = "{password: other-s3cret}";
    EXPECT_EQ(reason(1, recipe), "option 'password' changed");
    shop.written["two"] = "{password: first-s3cret}";
    EXPECT_EQ(reason(2, {recipe[0], {"stages.three.packages", "[vim]"}}), "option 'packages' is new");
    write_file_atomically(shop.home / "preseed.cfg",
                          std::string(lines).replace(lines.find("key12 "), 6, "kex12 "));
    EXPECT_THAT(reason(0, recipe), testing::EndsWith("preseed.cfg line 12 changed"));
    EXPECT_EQ(reason(1, recipe), "stage 'one' runs before it");
    write_file_atomically(shop.home / "preseed.cfg", lines + "d-i another boolean true\n");
    EXPECT_THAT(reason(0, recipe), testing::EndsWith("preseed.cfg line 21 changed"));
    write_file_atomically(shop.home / "preseed.cfg", lines);
    write_file_atomically(tools / "shaper", "#!/bin/sh\necho another version\n", 0755);
    EXPECT_EQ(reason(1, recipe), "tool 'shaper' changed");
    shop.type("one").revision_ = 2;
    const std::vector<PlannedStage> plan = shop.plan({}, recipe);
    EXPECT_EQ(plan[0].reason, "this imgforge makes the stage in another way");
    EXPECT_THAT(plan_text("sample", plan, true), HasSubstr("tool 'shaper' changed"));
    ::setenv("PATH", path.c_str(), 1);
}

TEST(Build, what_was_made_last_counts_whatever_the_clock_says) {
    Workshop shop;
    shop.build();
    shop.clock.set_wall(shop.clock.wall_seconds() - 3600);

    const BuildReport again = shop.build({.fresh = true});

    EXPECT_THAT(shop.world->ran, SizeIs(16));
    EXPECT_THAT(disk_text(again), HasSubstr("seven"));
    EXPECT_THAT(running(shop.plan()), IsEmpty());
    EXPECT_EQ(*shop.build().disk, *again.disk);
}

TEST(Build, a_refused_cached_result_runs_again) {
    Workshop shop;
    shop.build();
    shop.world->refused = {"publish"};
    const std::vector<PlannedStage> plan = shop.plan();
    EXPECT_THAT(running(plan), ElementsAre("publish", "seven"));
    EXPECT_EQ(plan[6].reason, "refused by the test");
}

TEST(Build, notices_a_cached_disk_that_something_wrote_to) {
    Workshop shop;
    const BuildReport report = shop.build();
    std::filesystem::permissions(*report.disk, std::filesystem::perms::owner_all);
    write_file_atomically(*report.disk, "tampered");
    const std::vector<PlannedStage> plan = shop.plan();
    EXPECT_THAT(running(plan), ElementsAre("seven"));
    EXPECT_THAT(plan.back().reason, HasSubstr("changed or removed"));
}

TEST(Build, max_age_makes_old_layers_again) {
    Workshop shop;
    shop.build();
    shop.clock.set_wall(shop.clock.wall_seconds() + 3600);
    EXPECT_THAT(running(shop.plan({.max_age = std::chrono::hours(2)})), IsEmpty());
    const std::vector<PlannedStage> plan = shop.plan({.max_age = std::chrono::minutes(30)});
    EXPECT_THAT(running(plan), SizeIs(8));
    EXPECT_THAT(plan[0].reason, HasSubstr("older than max-age"));
}

TEST(Build, keep_failed_moves_the_folder_to_the_run) {
    Workshop shop;
    shop.world->fail["two"] = 1;
    EXPECT_THROW(shop.build({.keep_failed = true}), Error);
    bool kept = false;
    for (const auto& run : std::filesystem::directory_iterator(shop.host().places.runs())) {
        kept = kept || std::filesystem::exists(run.path() / "failed-two" / "disk");
    }
    EXPECT_TRUE(kept);
}

TEST(Build, evicts_old_disks_but_never_one_that_a_kept_layer_stands_on) {
    Workshop shop;
    shop.settings.cache.max_size = ByteSize::kib(1);
    shop.build();

    // All disks were over the budget and went, leaves first. What is published is still there, so nothing has
    // to run …
    EXPECT_THAT(running(shop.plan()), IsEmpty());
    // … until a stage must run and asks for the disk below it.
    const std::vector<PlannedStage> plan = shop.plan({}, {{"stages.publish.count", "3"}});
    EXPECT_THAT(running(plan), SizeIs(8));
    EXPECT_THAT(plan[0].reason, HasSubstr("evicted"));
    const BuildReport again = shop.build({}, {{"stages.publish.count", "3"}});
    EXPECT_TRUE(again.facts.published);
}

}  // namespace
}  // namespace imgforge::engine::test
