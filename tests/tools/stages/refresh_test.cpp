// SPDX-License-Identifier: GPL-3.0-or-later
// The nightly job on a real store, engine and publish stage. Only the stages that would need a guest are
// stand-ins.
#include "pipelines/stages/refresh.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/stages/refresh_state.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/support/require.hpp"
#include "tests/support/stand_in_stages.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using test::world;

class Refresh : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img")) {
            IMGFORGE_SKIP("tools", "qemu-img is not installed");
        }
        world = test::World();
        write_recipe("");
        host_.places = Places{home_.path() / "home"};
        host_.processes = &processes_;
        host_.clock = &clock_;
        host_.monitor = &monitor_;
        host_.places.create();
    }

    void write_recipe(const std::string& motd) {
        test::write_stand_in_recipe(home_.path(), "debian13", motd);
    }

    void build() { test::build_stand_in(home_ / "debian13.recipe", host_); }

    RefreshResult refresh_now(bool force = true) {
        return test::refresh_stand_ins(test::stand_in_refresh({"debian13"}, force), host_).at(0);
    }

    std::vector<store::Generation> generations() {
        StateDb database(host_.places.state_db());
        store::Store store(host_.places, database, clock_);
        EXPECT_THAT(store::verify(store, {}, monitor_), IsEmpty());
        return store.generations("debian13");
    }

    TempDir home_{"imgforge-refresh", fs::is_directory("/dev/shm") ? "/dev/shm" : ""};
    SystemProcessRunner processes_;
    SystemClock clock_;
    NullMonitor monitor_;
    Host host_;
};

TEST_F(Refresh, updated_package_is_published_as_exactly_that_difference) {
    build();
    world.curl = "8.0-2";
    world.release = "release 2";
    const RefreshResult result = refresh_now();

    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.outcome, RefreshOutcome::published);
    EXPECT_EQ(result.before, 1);
    EXPECT_EQ(result.after, 2);
    ASSERT_EQ(result.changes["packages"]["changed"].size(), 1U);
    EXPECT_EQ(result.changes["packages"]["changed"][0]["after"], "8.0-2");
    EXPECT_EQ(result.changes["packages"]["added"].size() + result.changes["packages"]["removed"].size(), 0U);
    EXPECT_EQ(world.installs, 1);
    EXPECT_EQ(world.proofs, 2);
    EXPECT_EQ(generations().at(1).parent, 1);
}

/// By the build and by a refresh, to which the installation is a cached layer.
TEST_F(Refresh, every_manifest_names_the_digest_of_the_installer_iso) {
    build();
    world.curl = "8.0-2";
    world.release = "release 2";
    refresh_now();

    ASSERT_EQ(generations().size(), 2U);
    for (const store::Generation& generation : generations()) {
        const Json input = generation.manifest()["inputs"].at(0);
        EXPECT_EQ(input["sha256"], test::medium_sha256) << generation.label();
        EXPECT_EQ(input["verified_by"], "checksums") << generation.label();
    }
}

TEST_F(Refresh, nothing_new_runs_no_stage_and_takes_no_time) {
    build();
    refresh_now();  // remembers what the mirror has
    const test::World before = world;
    const auto start = std::chrono::steady_clock::now();
    const RefreshResult result = refresh_now();

    EXPECT_EQ(result.outcome, RefreshOutcome::unchanged);
    EXPECT_THAT(result.reason, HasSubstr("no package source has changed"));
    EXPECT_EQ(world.updates, before.updates);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
    EXPECT_EQ(refresh_now(false).action, RefreshAction::nothing);
}

TEST_F(Refresh, same_packages_after_a_mirror_change_publish_nothing) {
    build();
    world.release = "release 2";
    const RefreshResult result = refresh_now();
    EXPECT_EQ(result.outcome, RefreshOutcome::unchanged);
    EXPECT_EQ(world.updates, 1);
    EXPECT_EQ(generations().size(), 1U);
}

TEST_F(Refresh, failed_run_is_tried_again_although_nothing_changed_since) {
    build();
    refresh_now();
    world.release = "release 2";
    world.update_fails = true;
    const RefreshResult failed = refresh_now();
    EXPECT_EQ(failed.outcome, RefreshOutcome::failed);
    EXPECT_THAT(failed.error, HasSubstr("cannot fetch"));
    world.update_fails = false;

    const RefreshResult again = refresh_now(false);
    EXPECT_EQ(again.action, RefreshAction::update);
    EXPECT_THAT(again.reason, HasSubstr("last refresh failed"));
    EXPECT_EQ(again.outcome, RefreshOutcome::unchanged);
}

TEST_F(Refresh, failed_proof_quarantines_and_leaves_current_alone) {
    build();
    world.curl = "8.0-3";
    world.proof_fails = true;
    EXPECT_EQ(refresh_now().outcome, RefreshOutcome::failed);
    auto all = generations();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].state, store::GenerationState::current);
    EXPECT_EQ(all[1].state, store::GenerationState::quarantined);
    EXPECT_THAT(read_file(host_.places.images() / "debian13" / "quarantine-2.txt"),
                HasSubstr("both clones have one machine-id"));

    world.proof_fails = false;
    EXPECT_EQ(refresh_now().after, 3);
}

TEST_F(Refresh, changed_recipe_is_built_from_the_stage_that_changed) {
    build();
    write_recipe("hello");
    const RefreshResult result = refresh_now(false);
    EXPECT_EQ(result.action, RefreshAction::build);
    EXPECT_THAT(result.reason, HasSubstr("debian13.recipe has changed"));
    EXPECT_EQ(world.installs, 2);
}

TEST_F(Refresh, changed_recipe_does_not_bring_old_packages_back) {
    build();
    world.curl = "8.0-2";
    world.release = "release 2";
    EXPECT_EQ(refresh_now().after, 2);
    write_recipe("hello");
    const RefreshResult result = refresh_now(false);

    EXPECT_EQ(result.action, RefreshAction::build);
    EXPECT_EQ(result.outcome, RefreshOutcome::published);
    // The build has the packages of the installation (3); the updates follow at once (4).
    EXPECT_EQ(result.after, 4);
    EXPECT_EQ(result.changes["packages"]["changed"].size(), 0U);
    EXPECT_THAT(read_file(generations().back().folder / "packages.json"), HasSubstr("8.0-2"));
}

TEST_F(Refresh, all_images_are_worked_on_and_one_that_fails_stops_no_other) {
    build();
    test::build_stand_in(test::write_stand_in_recipe(home_.path(), "rocky9"), host_);
    test::build_stand_in(test::write_stand_in_recipe(home_.path(), "lost"), host_);
    fs::remove(home_ / "lost.recipe");
    world.curl = "8.0-2";
    RefreshOptions options = test::stand_in_refresh({});
    options.jobs = 2;
    const std::vector<RefreshResult> results = test::refresh_stand_ins(options, host_);

    ASSERT_EQ(results.size(), 3U);
    EXPECT_EQ(results[0].image, "debian13");
    EXPECT_EQ(results[0].outcome, RefreshOutcome::published);
    EXPECT_EQ(results[1].outcome, RefreshOutcome::failed);
    EXPECT_THAT(results[1].error, HasSubstr("recipe of lost is gone"));
    EXPECT_EQ(results[2].outcome, RefreshOutcome::published);
}

TEST_F(Refresh, build_after_refreshes_runs_nothing_and_does_not_bring_old_packages_back) {
    build();
    world.curl = "8.0-2";
    refresh_now();
    build();
    EXPECT_EQ(generations().size(), 2U);
    EXPECT_EQ(generations().back().state, store::GenerationState::current);
    EXPECT_EQ(world.installs, 1);
}

TEST_F(Refresh, lost_recipe_is_a_failure_that_says_so) {
    build();
    fs::remove(home_ / "debian13.recipe");
    const RefreshResult result = refresh_now();
    EXPECT_EQ(result.outcome, RefreshOutcome::failed);
    EXPECT_THAT(result.error, HasSubstr("recipe of debian13 is gone"));
}

}  // namespace
}  // namespace imgforge::stages
