// SPDX-License-Identifier: GPL-3.0-or-later
// Promotion over several targets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/pointers.hpp"
#include "pipelines/targets/push.hpp"
#include "pipelines/targets/pushed.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/small_generation.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

class Pointers : public testing::Test {
protected:
    Pointers() {
        for (const char* name : {"a", "b"}) {
            settings_.targets[name] = {.kind = "folder", .places = {place(name).string()}};
        }
        for (const unsigned seed : {1U, 2U}) {
            test::publish_small(home_.store, processes_, monitor_, work_.path(), seed);
            for (const char* name : {"a", "b"}) {
                push_and_record(find_target(settings_, name), services(), *home_.store.current("debian12"));
            }
        }
    }
    fs::path place(const std::string& name) const { return work_ / ("target-" + name); }
    TargetServices services() { return {.store = home_.store, .processes = processes_, .monitor = monitor_}; }
    int current_in(const std::string& name) {
        for (const TargetGeneration& one :
             open_target(find_target(settings_, name), services())->generations()) {
            if (one.current) {
                return one.generation;
            }
        }
        return 0;
    }
    int current_here() { return home_.store.current("debian12")->generation; }
    /// The target cannot be reached: its directory is a file.
    void take_away(const std::string& name) {
        fs::rename(place(name), work_ / "away");
        write_file_atomically(place(name), "in the way");
    }
    void bring_back(const std::string& name) {
        fs::remove(place(name));
        fs::rename(work_ / "away", place(name));
    }

    TempDir work_{"imgforge-pointers", test::fast_folder()};
    test::StoreHome home_;
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    Settings settings_;
};

TEST_F(Pointers, a_promotion_moves_every_target_and_copies_nothing) {
    const auto windows = std::distance(fs::recursive_directory_iterator(place("a") / "windows"), {});
    ASSERT_EQ(current_in("a"), 2);
    const Promotion done = promote_everywhere(settings_, services(), "debian12", 1, false);
    EXPECT_EQ(done.generation.generation, 1);
    EXPECT_EQ(current_here(), 1);
    EXPECT_EQ(current_in("a"), 1);
    EXPECT_EQ(current_in("b"), 1);
    EXPECT_EQ(std::distance(fs::recursive_directory_iterator(place("a") / "windows"), {}), windows);
    EXPECT_TRUE(PushedTargets(home_.database).pending(settings_).empty());
}

TEST_F(Pointers, nothing_changes_anywhere_when_one_target_cannot_be_reached) {
    take_away("b");
    try {
        promote_everywhere(settings_, services(), "debian12", 1, false);
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("target b cannot be promoted, so nothing was changed"));
        EXPECT_THAT(error.hint(), HasSubstr("--later"));
    }
    EXPECT_EQ(current_here(), 2);
    EXPECT_EQ(current_in("a"), 2);
    EXPECT_TRUE(PushedTargets(home_.database).pending(settings_).empty());
}

TEST_F(Pointers, what_is_moved_later_follows_to_what_is_current_then) {
    take_away("b");
    const Promotion done = promote_everywhere(settings_, services(), "debian12", 1, true);
    EXPECT_EQ(current_here(), 1);
    EXPECT_EQ(current_in("a"), 1);
    EXPECT_EQ(to_string(done.moves.at(1).outcome), "pending");
    // Still away: stays pending, with the reason.
    ASSERT_EQ(retry_pointers(settings_, services()).size(), 1U);
    EXPECT_FALSE(PushedTargets(home_.database).pending(settings_).at(0).error.empty());
    bring_back("b");
    ASSERT_EQ(current_in("b"), 2);
    const auto moves = retry_pointers(settings_, services());
    EXPECT_EQ(to_string(moves.at(0).outcome), "moved");
    EXPECT_EQ(current_in("b"), 1);
    EXPECT_TRUE(retry_pointers(settings_, services()).empty());
}

/// Killed between the journal and the targets: the rows are there, the pointers are not moved.
TEST_F(Pointers, a_killed_promotion_is_finished_by_the_next_command) {
    PushedTargets pushed(home_.database);
    pushed.put_pending("a", "debian12");
    pushed.put_pending("b", "debian12");
    home_.store.promote("debian12", 1);
    retry_pointers(settings_, services());
    EXPECT_EQ(current_in("a"), 1);
    EXPECT_EQ(current_in("b"), 1);
}

TEST_F(Pointers, a_target_without_the_generation_keeps_its_own) {
    const NamedTarget b = find_target(settings_, "b");
    open_target(b, services())->remove("debian12", 1);
    const Promotion done = promote_everywhere(settings_, services(), "debian12", 1, false);
    EXPECT_EQ(to_string(done.moves.at(1).outcome), "absent");
    EXPECT_EQ(current_in("b"), 2);
    EXPECT_EQ(current_in("a"), 1);
}

TEST_F(Pointers, letting_go_of_a_generation_leaves_what_the_other_one_needs) {
    const auto open = open_target(find_target(settings_, "a"), services());
    EXPECT_THROW(open->remove("debian12", 2), Error);  // the current one
    open->remove("debian12", 1);
    const FolderIndex index = read_own_index({.folder = place("a")});
    ASSERT_EQ(index.images.at("debian12").generations.size(), 1U);
    std::size_t windows = 0;
    for (const auto& entry : fs::recursive_directory_iterator(place("a") / "windows")) {
        windows += entry.is_regular_file() ? 1U : 0U;
    }
    const fs::path manifest =
        place("a") / manifest_path(index.images.at("debian12").generations.at(0).manifest);
    EXPECT_EQ(parse_manifest(read_file(manifest), "manifest").windows.size(), windows);
    EXPECT_EQ(std::distance(fs::directory_iterator(place("a") / "manifests"), {}), 1);
}

TEST_F(Pointers, names_places_and_kinds_are_told_apart) {
    EXPECT_EQ(find_target(settings_, "a").setting.kind, "folder");
    EXPECT_EQ(find_target(settings_, "./new/").setting.place(), (fs::current_path() / "new").string());
    EXPECT_EQ(find_target(settings_, "https://h/x/").setting.kind, "web");
    EXPECT_EQ(find_target(settings_, "oci://h/x").setting.place(), "h/x");
    EXPECT_EQ(find_target(settings_, "s3:https://h/bucket").setting.kind, "s3");
    EXPECT_THROW(find_target(settings_, "ftp://h/x"), Error);
    try {
        find_target(settings_, "c");
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.hint(), HasSubstr("targets in the settings: a, b"));
    }
    EXPECT_THROW(open_target(find_target(settings_, "https://h/x"), services()), Error);
}

}  // namespace
}  // namespace imgforge::targets
