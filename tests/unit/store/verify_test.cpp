// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/verify.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/image/overlay.hpp"
#include "pipelines/store/seal.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

using test::StoreHome;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// A store with two real (empty) qcow2 disks, the second current.
struct VerifiedHome : StoreHome {
    VerifiedHome() {
        image::create_empty_qcow2(folder / "blank.qcow2", ByteSize::mib(1));
        bytes = read_file(folder / "blank.qcow2");
        for (int i = 0; i < 2; ++i) {
            test::add_generation(store, "debian13", bytes);
        }
        store.promote("debian13", 1);
        store.promote("debian13", 2);
    }
    std::vector<std::string> found() {
        std::vector<std::string> lines;
        for (const Finding& finding : verify(store, {}, monitor)) {
            lines.push_back(finding.image + "@" + std::to_string(finding.generation) + " " + finding.what +
                            ": " + finding.path.string() + " " + finding.problem);
        }
        return lines;
    }
    void change(const fs::path& file, const std::string& text) {
        unseal(file.parent_path());
        fs::permissions(file.parent_path(), fs::perms::owner_all, fs::perm_options::add);
        fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
        write_file_atomically(file, text, 0444);
        fs::permissions(file.parent_path(), fs::perms::owner_write, fs::perm_options::remove);
    }
    std::string bytes;
    NullMonitor monitor;
};

TEST(Verify, untouched_store_is_clean) {
    VerifiedHome home;
    EXPECT_THAT(home.found(), IsEmpty());
}

TEST(Verify, names_a_tampered_disk) {
    VerifiedHome home;
    std::string changed = home.bytes;
    changed.back() = static_cast<char>(changed.back() ^ 1);
    home.change(home.store.find("debian13", 1)->disk(), changed);
    EXPECT_THAT(home.found(), testing::ElementsAre(HasSubstr("debian13@1 disk")));
}

TEST(Verify, names_a_tampered_manifest) {
    VerifiedHome home;
    const fs::path manifest = home.store.find("debian13", 2)->manifest_path();
    home.change(manifest, read_file(manifest) + " ");
    EXPECT_THAT(home.found(), testing::ElementsAre(HasSubstr("debian13@2 manifest")));
}

TEST(Verify, names_a_tampered_database_and_repair_takes_the_index) {
    VerifiedHome home;
    home.database.raw().exec("UPDATE store_generations SET state = 'retired' WHERE generation = 2");
    home.database.raw().exec("UPDATE store_generations SET state = 'current' WHERE generation = 1");
    EXPECT_THAT(home.found(), Contains(HasSubstr("debian13@2 database")));

    repair(home.store, home.monitor);
    EXPECT_THAT(home.found(), IsEmpty());
    EXPECT_EQ(home.store.current("debian13")->generation, 2);
}

TEST(Verify, names_a_tampered_database_by_the_manifest_when_the_index_is_damaged_too) {
    VerifiedHome home;
    write_file_atomically(home.places.images() / "debian13/index.json", "{}");
    home.database.raw().exec("UPDATE store_generations SET sha256 = '00' WHERE generation = 1");
    const std::vector<std::string> found = home.found();
    EXPECT_THAT(found, Contains(HasSubstr("debian13@1 database")));
    EXPECT_THAT(found, testing::Not(Contains(HasSubstr("debian13@1 disk"))));
}

TEST(Verify, names_a_tampered_index) {
    VerifiedHome home;
    const fs::path index = home.places.images() / "debian13/index.json";
    std::string text = read_file(index);
    text.replace(text.find("retired"), 7, "current");
    write_file_atomically(index, text);
    EXPECT_THAT(home.found(), Contains(HasSubstr("index.json was changed")));

    repair(home.store, home.monitor);
    EXPECT_THAT(home.found(), IsEmpty());
}

TEST(Verify, lost_database_is_rebuilt_with_states_and_references) {
    VerifiedHome home;
    make_directories(home.places.instances() / "web-1");
    image::create_overlay({.overlay = home.places.instances() / "web-1/disk.qcow2",
                           .backing = home.store.find("debian13", 1)->disk()});
    const Places places = home.places;
    fs::rename(places.state_db(), places.state_db().string() + ".lost");
    fs::remove(places.state_db().string() + "-wal");
    fs::remove(places.state_db().string() + "-shm");

    StateDb fresh(places.state_db());
    Store store(places, fresh, home.clock);
    EXPECT_THAT(store.images(), IsEmpty());
    repair(store, home.monitor);

    EXPECT_EQ(store.current("debian13")->generation, 2);
    EXPECT_EQ(store.find("debian13", 1)->state, GenerationState::retired);
    EXPECT_THAT(store.holders("debian13", 1), testing::ElementsAre(Holder{Holder::Kind::instance, "web-1"}));
    EXPECT_THROW(store.remove("debian13", 1), Error);
    EXPECT_THAT(verify(store, {}, home.monitor), IsEmpty());
}

TEST(Verify, old_copy_of_the_database_is_named) {
    VerifiedHome home;
    home.database.raw().exec("UPDATE store_images SET serial = serial - 1");
    EXPECT_THAT(home.found(), Contains(HasSubstr("an old copy was put in its place")));
}

TEST(Verify, machine_without_recorded_reference_is_named_and_protects_its_base) {
    VerifiedHome home;
    make_directories(home.places.instances() / "web-2");
    image::create_overlay({.overlay = home.places.instances() / "web-2/disk.qcow2",
                           .backing = home.store.find("debian13", 1)->disk()});
    EXPECT_THAT(home.found(), Contains(HasSubstr("debian13@1 reference")));
    EXPECT_THROW(home.store.remove("debian13", 1), Error);
    repair(home.store, home.monitor);
    EXPECT_THAT(home.found(), IsEmpty());
}

TEST(Verify, missing_folder_foreign_file_and_writable_mode_are_named) {
    VerifiedHome home;
    const Generation first = *home.store.find("debian13", 1);
    unseal(first.folder);
    remove_tree(first.folder);
    const Generation second = *home.store.find("debian13", 2);
    unseal(second.folder);
    fs::permissions(second.folder, fs::perms::owner_write, fs::perm_options::add);
    write_file_atomically(second.folder / "extra", "x");

    const std::vector<std::string> lines = home.found();
    EXPECT_THAT(lines, Contains(HasSubstr("debian13@1 folder")));
    EXPECT_THAT(lines, Contains(HasSubstr("was not published with the generation")));
    EXPECT_THAT(lines, Contains(HasSubstr("is writable")));
}

TEST(Verify, database_with_garbage_is_reported_as_damaged) {
    const TempDir folder("imgforge-garbage");
    write_file_atomically(folder / "state.db", std::string(8192, 'x'));
    EXPECT_THROW(StateDb(folder / "state.db"), Error);
    const fs::path aside = move_damaged_database_aside(folder / "state.db", 5);
    EXPECT_TRUE(fs::exists(aside));
    EXPECT_NO_THROW(StateDb(folder / "state.db"));
}

}  // namespace
}  // namespace imgforge::store
