// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/refresh.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/stages/refresh_budget.hpp"
#include "pipelines/stages/refresh_report.hpp"
#include "pipelines/stages/refresh_state.hpp"
#include "tests/support/fake_process_runner.hpp"

namespace imgforge::stages {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t now = 1'800'000'000;
constexpr std::int64_t hour = 3600;

RefreshFacts yesterday() {
    RefreshFacts facts;
    facts.now = now;
    facts.last_success = now - 24 * hour;
    facts.last_outcome = RefreshOutcome::unchanged;
    facts.mirror_before = {{"apt http://deb trixie", "a"}};
    return facts;
}

TEST(RefreshDecision, changed_recipe_is_a_full_build) {
    RefreshFacts facts = yesterday();
    facts.recipe_change = "the recipe x.recipe has changed";
    EXPECT_EQ(decide_refresh(facts).action, RefreshAction::build);
}

TEST(RefreshDecision, young_image_is_left_alone_unless_forced) {
    RefreshFacts facts = yesterday();
    facts.last_success = now - 2 * hour;
    EXPECT_EQ(decide_refresh(facts).action, RefreshAction::nothing);
    EXPECT_THAT(decide_refresh(facts).reason, HasSubstr("2h00m"));
    facts.force = true;
    EXPECT_TRUE(decide_refresh(facts).ask_mirror);
}

TEST(RefreshDecision, nightly_run_that_starts_a_little_early_still_counts_as_due) {
    RefreshFacts facts = yesterday();
    facts.last_success = now - 23 * hour;
    EXPECT_TRUE(decide_refresh(facts).ask_mirror);
}

TEST(RefreshDecision, clock_that_was_set_back_does_not_put_updates_off) {
    RefreshFacts facts = yesterday();
    facts.last_success = now + 365 * 24 * hour;
    EXPECT_TRUE(decide_refresh(facts).ask_mirror);
    EXPECT_THAT(decide_refresh(facts).reason, HasSubstr("clock was set back"));
    facts.sources_known = false;
    EXPECT_EQ(decide_refresh(facts).action, RefreshAction::update);
}

TEST(RefreshDecision, unchanged_package_sources_mean_nothing_to_do) {
    EXPECT_EQ(decide_by_mirror(yesterday(), {{"apt http://deb trixie", "a"}}).action, RefreshAction::nothing);
    EXPECT_EQ(decide_by_mirror(yesterday(), {{"apt http://deb trixie", "b"}}).action, RefreshAction::update);
    EXPECT_EQ(decide_by_mirror(yesterday(), {{"apt http://deb trixie", ""}}).action, RefreshAction::update);
    EXPECT_EQ(
        decide_by_mirror(yesterday(), {{"apt http://deb trixie", "a"}, {"apt http://new x", "c"}}).action,
        RefreshAction::update);
}

TEST(RefreshDecision, failed_or_killed_run_is_never_unchanged) {
    for (const RefreshOutcome outcome : {RefreshOutcome::failed, RefreshOutcome::running}) {
        RefreshFacts facts = yesterday();
        facts.last_outcome = outcome;
        facts.last_success = now - hour;
        const RefreshDecision decision = decide_refresh(facts);
        EXPECT_EQ(decision.action, RefreshAction::update) << to_string(outcome);
        EXPECT_FALSE(decision.ask_mirror) << to_string(outcome);
    }
}

TEST(RefreshRecipe, updates_come_right_before_sysprep) {
    const Json recipe = Json::parse(
        R"({"name": "x", "stages": [{"install": {}}, {"customize": {}}, {"sysprep": {}}, {"publish": {}}]})");
    const Json updated = with_updates(recipe);
    ASSERT_EQ(updated["stages"].size(), 5U);
    EXPECT_EQ(updated["stages"][2]["customize"]["name"], update_stage);
    EXPECT_EQ(updated["stages"][2]["customize"]["update"], true);
    EXPECT_EQ(updated["stages"][3], recipe["stages"][2]);
}

TEST(RefreshState, killed_run_stays_running_and_failure_keeps_the_last_success) {
    const TempDir folder("imgforge-refresh-state");
    StateDb database(folder / "state.db");
    RefreshState state(database);
    EXPECT_FALSE(state.load("debian13").has_value());
    state.begin("debian13", 10);
    EXPECT_EQ(state.load("debian13")->outcome, RefreshOutcome::running);
    state.end("debian13", RefreshOutcome::published, "", {{"apt x y", "d"}}, 20);
    state.begin("debian13", 30);
    state.end("debian13", RefreshOutcome::failed, "no network", {}, 40);

    const auto row = state.load("debian13");
    EXPECT_EQ(row->outcome, RefreshOutcome::failed);
    EXPECT_EQ(row->last_success, 20);
    EXPECT_EQ(row->mirror.at("apt x y"), "d");
}

TEST(RefreshBudget, job_waits_for_memory_and_lonely_giant_runs_anyway) {
    const Budget budget{.jobs = 4, .memory = ByteSize::gib(4), .cpus = 4, .disk = ByteSize::gib(10)};
    const JobNeed small{.memory = ByteSize::gib(2), .cpus = 2, .disk = ByteSize::gib(2)};
    const JobNeed giant{.memory = ByteSize::gib(9), .cpus = 9, .disk = ByteSize::gib(2)};
    EXPECT_TRUE(fits(budget, {small}, small));
    EXPECT_FALSE(fits(budget, {small, small}, small));
    EXPECT_FALSE(fits(budget, {small}, giant));
    EXPECT_TRUE(fits(budget, {}, giant));
    EXPECT_FALSE(fits(budget, {}, {.disk = ByteSize::gib(11)}));
}

TEST(RefreshBudget, all_jobs_run_never_more_than_fit_and_one_without_room_is_refused) {
    const Budget budget{.jobs = 3, .memory = ByteSize::gib(4), .cpus = 8, .disk = ByteSize::gib(10)};
    std::vector<JobNeed> needs(8, {.memory = ByteSize::gib(2), .cpus = 1, .disk = ByteSize::gib(1)});
    needs.push_back({.memory = ByteSize::gib(1), .cpus = 1, .disk = ByteSize::gib(99)});
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    std::mutex mutex;
    std::set<std::size_t> done;
    std::set<std::size_t> refused;
    run_within(
        budget, needs,
        [&](std::size_t i) {
            const int side_by_side = ++running;
            most = std::max(most.load(), side_by_side);
            std::this_thread::sleep_for(std::chrono::milliseconds(3));
            --running;
            const std::lock_guard guard(mutex);
            done.insert(i);
        },
        [&](std::size_t i) { refused.insert(i); });
    EXPECT_EQ(done.size(), 8U);
    EXPECT_EQ(refused, (std::set<std::size_t>{8}));
    EXPECT_LE(most, 2);
}

TEST(RefreshBudget, comes_from_the_settings_and_the_option_goes_first) {
    const Settings settings{.jobs = 3,
                            .budget = {.memory = ByteSize::gib(6), .cpus = 5, .disk = ByteSize::gib(20)}};
    const Budget budget = Budget::from_settings(settings, "/", {});
    EXPECT_EQ(budget.jobs, 3);
    EXPECT_EQ(budget.memory, ByteSize::gib(6));
    EXPECT_EQ(budget.cpus, 5);
    EXPECT_EQ(Budget::from_settings(settings, "/", 7).jobs, 7);
    EXPECT_GE(Budget::from_settings({}, "/", {}).jobs, 1);
}

std::vector<RefreshResult> three_results() {
    RefreshResult published{.image = "debian13",
                            .action = RefreshAction::update,
                            .reason = "apt x has changed",
                            .outcome = RefreshOutcome::published,
                            .before = 3,
                            .after = 4};
    published.changes_text = "debian13@3 -> debian13@4\n  packages: 1 changed\n";
    RefreshResult same{.image = "rocky9",
                       .reason = "no package source has changed",
                       .outcome = RefreshOutcome::unchanged,
                       .before = 2,
                       .after = 2};
    RefreshResult failed{.image = "alpine",
                         .action = RefreshAction::build,
                         .reason = "changed",
                         .outcome = RefreshOutcome::failed,
                         .before = 1,
                         .after = 1};
    failed.error = "no IP address\n  in stage spawn";
    return {published, same, failed};
}

TEST(RefreshReport, text_record_mail_and_metrics_agree) {
    const std::vector<RefreshResult> results = three_results();
    EXPECT_THAT(refresh_text(results), HasSubstr("1 published, 1 unchanged, 1 failed"));
    EXPECT_EQ(refresh_record(results)["failed"], 1);
    EXPECT_THAT(refresh_mail(results, "host1"), HasSubstr("packages: 1 changed"));
    EXPECT_THAT(refresh_mail(results, "host1"), HasSubstr("in stage spawn"));
    const std::string metrics = refresh_metrics(results, now);
    EXPECT_THAT(metrics, HasSubstr("imgforge_refresh_failed{image=\"alpine\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("imgforge_generation{image=\"debian13\"} 4\n"));
}

TEST(RefreshReport, notify_runs_only_when_asked_and_gets_the_mail_on_stdin) {
    NullMonitor monitor;
    test::FakeProcessRunner processes;
    processes.expect("mail", {});
    const NotifySetting setting{.command = {"mail", "-s", "imgforge", "root"}, .on_change = false};
    const std::vector<RefreshResult> results = three_results();

    EXPECT_FALSE(notify(setting, {results[0], results[1]}, "host1", processes, monitor));
    EXPECT_TRUE(notify(setting, results, "host1", processes, monitor));
    ASSERT_EQ(processes.calls().size(), 1U);
    EXPECT_THAT(processes.calls()[0].stdin_text, HasSubstr("1 failed"));
    EXPECT_FALSE(notify({}, results, "host1", processes, monitor));
}

TEST(RefreshList, names_what_has_work_with_cost_and_why) {
    std::vector<RefreshResult> results(3);
    results[0] = {.image = "due", .action = RefreshAction::update, .reason = "package sources changed"};
    results[0].cost = {.memory = ByteSize::mib(1536), .cpus = 2, .disk = ByteSize::gib(2)};
    results[1] = {.image = "fresh", .action = RefreshAction::nothing, .outcome = RefreshOutcome::unchanged};
    results[2] = {.image = "lost", .outcome = RefreshOutcome::failed, .error = "the recipe is gone\nhint"};
    const Json record = refresh_list_record(results);
    ASSERT_EQ(record["images"].size(), 2U);
    EXPECT_EQ(record["images"][0],
              (Json{{"name", "due"},
                    {"action", "update"},
                    {"cost", {{"memory", 1610612736}, {"cpus", 2}, {"disk", 2147483648}}},
                    {"why", "package sources changed"}}));
    EXPECT_EQ(record["images"][1]["why"], "the recipe is gone");
    EXPECT_EQ(refresh_list_text({results[1]}), "nothing to do\n");
}

}  // namespace
}  // namespace imgforge::stages
