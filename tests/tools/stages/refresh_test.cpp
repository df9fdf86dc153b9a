// SPDX-License-Identifier: GPL-3.0-or-later
// The nightly job on a real store, engine and publish stage. Only the stages that would need a guest are stand-ins: they write
// small disks and the packages a guest would have.
#include "pipelines/stages/refresh.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/stages/contents.hpp"
#include "pipelines/stages/refresh_state.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "pipelines/store/files.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// What the "mirror" offers, and what went on in the stand-ins.
struct World {
    std::string curl = "8.0-1";
    std::string release = "release 1";
    int installs = 0;
    int updates = 0;
    int proofs = 0;
    bool update_fails = false;
    bool proof_fails = false;
};
World world;

void write_contents(const fs::path& folder, const std::string& curl) {
    write_file_atomically(
        folder / "contents.json",
        pretty(Json{{"package_format", "deb"},
                    {"distribution", "debian"},
                    {"release", "debian-13"},
                    {"packages", store::packages_to_json({{.name = "curl", .version = curl, .architecture = "amd64"},
                                                          {.name = "libc6", .version = "2.41", .architecture = "amd64"}})},
                    {"sources", Json::array({{{"type", "apt"}, {"uri", "http://mirror.example/debian"}, {"suite", "trixie"}}})}}));
    write_file_atomically(folder / "guest-files.json", store::files_to_text({{.path = "/usr/bin/curl", .size = 1, .digest = curl}}));
}

engine::StageResult disk_with(engine::StageTask& task, const std::string& curl, std::size_t changes) {
    SystemProcessRunner processes;
    test::make_disk(processes, task.scratch / "disk.qcow2", {.data_mib = 2, .virtual_mib = 4, .change_seed = 3, .changes = changes});
    write_contents(task.scratch, curl);
    engine::StageResult result;
    result.disk = "disk.qcow2";
    result.standalone = true;
    result.files = {{contents_role, "contents.json"}, {guest_files_role, "guest-files.json"}};
    return result;
}

const Json& open_schema() {
    static const Json schema = Json::parse(
        R"({"type": "object", "additionalProperties": false, "properties": {"update": {"type": "boolean", "default": false, "description": "x"}, "motd": {"type": "string", "default": "", "description": "x"}}})");
    return schema;
}

class StandIn : public engine::StageType {
public:
    std::string_view summary() const override { return "stand-in"; }
    int revision() const override { return 1; }
    const Json& schema() const override { return open_schema(); }
};

class Install final : public StandIn {
public:
    std::string_view name() const override { return "install"; }
    engine::StageResult run(engine::StageTask& task) const override {
        ++world.installs;
        return disk_with(task, "8.0-1", 0);
    }
};

class Customize final : public StandIn {
public:
    std::string_view name() const override { return "customize"; }
    engine::StageResult run(engine::StageTask& task) const override {
        ++world.updates;
        if (world.update_fails) {
            throw Error(Failure::guest, "apt-get: cannot fetch");
        }
        return disk_with(task, world.curl, static_cast<std::size_t>(world.curl.back() - '0'));
    }
};

class Sysprep final : public StandIn {
public:
    std::string_view name() const override { return "sysprep"; }
    engine::StageResult run(engine::StageTask&) const override { return {}; }
};

class Proof final : public StandIn {
public:
    std::string_view name() const override { return "spawn"; }
    engine::StageResult run(engine::StageTask&) const override {
        ++world.proofs;
        if (world.proof_fails) {
            throw Error(Failure::integrity, "both clones have one machine-id");
        }
        return {};
    }
};

class Refresh : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img")) {
            IMGFORGE_SKIP("tools", "qemu-img is not installed");
        }
        world = World();
        write_recipe("");
        services_.places = Places{home_.path() / "home"};
        services_.processes = &processes_;
        services_.clock = &clock_;
        services_.monitor = &monitor_;
        services_.places.create();
    }

    void write_recipe(const std::string& motd) {
        write_file_atomically(home_ / "debian13.recipe",
                              fmt::format("name: debian13\nos: debian13\ninstaller: {{archive: trixie}}\nstages:\n"
                                          "  - install: {{motd: '{}'}}\n  - sysprep: {{}}\n  - publish: {{keep: 5}}\n  - spawn: {{}}\n",
                                          motd));
    }

    std::vector<const engine::StageType*> types() const { return {&install_, &customize_, &sysprep_, &publish_stage(), &proof_}; }

    void build() {
        engine::LoadedRecipe loaded = engine::load_recipe(home_ / "debian13.recipe", {.types = types(), .known_os = {}, .cwd = {}});
        loaded.diagnostics.throw_if_errors();
        engine::build(*loaded.recipe, {}, services_);
    }

    RefreshResult refresh_now(bool force = true) {
        RefreshOptions options;
        options.images = {"debian13"};
        options.force = force;
        options.types = types();
        options.fetch = [](const std::string&) { return std::optional(world.release); };
        return refresh(options, services_).at(0);
    }

    std::vector<store::Generation> generations() {
        StateDb database(services_.places.state_db());
        store::Store store(services_.places, database, clock_);
        EXPECT_THAT(store::verify(store, {}, monitor_), IsEmpty());
        return store.generations("debian13");
    }

    TempDir home_{"imgforge-refresh", fs::is_directory("/dev/shm") ? "/dev/shm" : ""};
    SystemProcessRunner processes_;
    SystemClock clock_;
    NullMonitor monitor_;
    engine::StageServices services_;
    Install install_;
    Customize customize_;
    Sysprep sysprep_;
    Proof proof_;
};

TEST_F(Refresh, updated_package_is_published_as_exactly_that_difference) {
    build();
    world.curl = "8.0-2";
    world.release = "release 2";
    const RefreshResult result = refresh_now();

    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.outcome, "published");
    EXPECT_EQ(result.before, 1);
    EXPECT_EQ(result.after, 2);
    ASSERT_EQ(result.changes["packages"]["changed"].size(), 1U);
    EXPECT_EQ(result.changes["packages"]["changed"][0]["after"], "8.0-2");
    EXPECT_EQ(result.changes["packages"]["added"].size() + result.changes["packages"]["removed"].size(), 0U);
    EXPECT_EQ(world.installs, 1);
    EXPECT_EQ(world.proofs, 2);
    EXPECT_EQ(generations().at(1).parent, 1);
}

TEST_F(Refresh, nothing_new_runs_no_stage_and_takes_no_time) {
    build();
    refresh_now();  // remembers what the mirror has
    const World before = world;
    const auto start = std::chrono::steady_clock::now();
    const RefreshResult result = refresh_now();

    EXPECT_EQ(result.outcome, "unchanged");
    EXPECT_THAT(result.reason, HasSubstr("no package source has changed"));
    EXPECT_EQ(world.updates, before.updates);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
    EXPECT_EQ(refresh_now(false).action, RefreshAction::nothing);
}

TEST_F(Refresh, same_packages_after_a_mirror_change_publish_nothing) {
    build();
    world.release = "release 2";
    const RefreshResult result = refresh_now();
    EXPECT_EQ(result.outcome, "unchanged");
    EXPECT_EQ(world.updates, 1);
    EXPECT_EQ(generations().size(), 1U);
}

TEST_F(Refresh, failed_run_is_tried_again_although_nothing_changed_since) {
    build();
    refresh_now();
    world.release = "release 2";
    world.update_fails = true;
    const RefreshResult failed = refresh_now();
    EXPECT_EQ(failed.outcome, "failed");
    EXPECT_THAT(failed.error, HasSubstr("cannot fetch"));
    world.update_fails = false;

    const RefreshResult again = refresh_now(false);
    EXPECT_EQ(again.action, RefreshAction::update);
    EXPECT_THAT(again.reason, HasSubstr("last refresh failed"));
    EXPECT_EQ(again.outcome, "unchanged");
}

TEST_F(Refresh, failed_proof_quarantines_and_leaves_current_alone) {
    build();
    world.curl = "8.0-3";
    world.proof_fails = true;
    EXPECT_EQ(refresh_now().outcome, "failed");
    auto all = generations();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].state, store::GenerationState::current);
    EXPECT_EQ(all[1].state, store::GenerationState::quarantined);
    EXPECT_THAT(read_file(services_.places.images() / "debian13" / "quarantine-2.txt"), HasSubstr("both clones have one machine-id"));

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
    EXPECT_EQ(result.outcome, "failed");
    EXPECT_THAT(result.error, HasSubstr("recipe of debian13 is gone"));
}

}  // namespace
}  // namespace imgforge::stages
