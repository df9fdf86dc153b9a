// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "builder/base/error.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/seal.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

using test::add_generation;
using test::StoreHome;
using testing::HasSubstr;
using testing::IsEmpty;

std::string failure(const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        return error.describe();
    }
    return "no error";
}

TEST(Store, numbers_generations_and_makes_them_read_only) {
    StoreHome home;
    const Generation first = add_generation(home.store, "debian13");
    const Generation second = add_generation(home.store, "debian13");

    EXPECT_EQ(first.generation, 1);
    EXPECT_EQ(second.label(), "debian13@2");
    EXPECT_EQ(second.state, GenerationState::candidate);
    EXPECT_TRUE(is_read_only(second.folder));
    EXPECT_TRUE(is_read_only(second.disk()));
    EXPECT_FALSE(home.store.current("debian13").has_value());
}

TEST(Store, promotion_retires_the_one_before_and_rollback_returns_to_it) {
    StoreHome home;
    add_generation(home.store, "debian13");
    add_generation(home.store, "debian13");
    home.store.promote("debian13", 1);
    home.store.promote("debian13", 2);
    EXPECT_EQ(home.store.resolve("debian13").generation, 2);
    EXPECT_EQ(home.store.find("debian13", 1)->state, GenerationState::retired);

    EXPECT_EQ(home.store.rollback("debian13").generation, 1);
    EXPECT_EQ(home.store.resolve("debian13").generation, 1);
    EXPECT_THAT(failure([&] { home.store.rollback("debian13"); }), HasSubstr("no earlier generation"));
}

TEST(Store, quarantined_generation_is_neither_promoted_nor_given_out) {
    StoreHome home;
    add_generation(home.store, "debian13");
    home.store.quarantine("debian13", 1, "two clones had the same machine-id", "report");

    EXPECT_THAT(failure([&] { home.store.promote("debian13", 1); }), HasSubstr("same machine-id"));
    EXPECT_THAT(failure([&] {
                    home.store.acquire("debian13@1", {Holder::Kind::instance, "web-1"});
                }),
                HasSubstr("quarantined"));
    EXPECT_EQ(read_file(home.places.images() / "debian13/quarantine-1.txt"), "report");
}

TEST(Store, deletion_is_refused_while_somebody_holds_it_and_says_who) {
    StoreHome home;
    add_generation(home.store, "debian13");
    home.store.promote("debian13", 1);
    const Holder web{Holder::Kind::instance, "web-1"};
    EXPECT_EQ(home.store.acquire("debian13", web).generation, 1);

    EXPECT_THAT(failure([&] { home.store.remove("debian13", 1, true); }),
                HasSubstr("in use by instance web-1"));
    home.store.remove_references(web);
    home.store.remove("debian13", 1, true);
    EXPECT_FALSE(fs::exists(home.places.images() / "debian13"));
    EXPECT_THAT(home.store.images(), IsEmpty());
}

TEST(Store, current_generation_is_not_deleted_while_others_exist) {
    StoreHome home;
    add_generation(home.store, "debian13");
    add_generation(home.store, "debian13");
    home.store.promote("debian13", 2);

    EXPECT_THAT(failure([&] { home.store.remove("debian13", 2); }), HasSubstr("is the current generation"));
    home.store.remove("debian13", 1);
    EXPECT_FALSE(fs::exists(home.places.images() / "debian13/1"));
}

TEST(Store, image_of_which_one_generation_is_in_use_is_deleted_whole_or_not_at_all) {
    StoreHome home;
    for (int i = 0; i < 3; ++i) {
        add_generation(home.store, "debian13");
    }
    home.store.promote("debian13", 3);
    const Holder web{Holder::Kind::instance, "web-1"};
    home.store.acquire("debian13@1", web);

    EXPECT_THAT(failure([&] { home.store.remove_image("debian13"); }),
                HasSubstr("debian13@1 is in use by instance web-1"));
    EXPECT_EQ(home.store.generations("debian13").size(), 3U);
    EXPECT_TRUE(fs::exists(home.places.images() / "debian13/3/disk.qcow2"));
    home.store.remove_references(web);
    home.store.remove_image("debian13");
    EXPECT_FALSE(fs::exists(home.places.images() / "debian13"));
}

TEST(Store, several_removals_are_one_change_and_what_cannot_go_says_why) {
    StoreHome home;
    for (int i = 0; i < 20; ++i) {
        add_generation(home.store, "debian13");
    }
    home.store.promote("debian13", 20);
    home.store.acquire("debian13@7", {Holder::Kind::instance, "web-1"});
    const auto serial = [&] { return Rows(home.database, home.places.images()).image("debian13")->serial; };
    const std::int64_t before = serial();
    std::vector<int> all(20);
    std::iota(all.rbegin(), all.rend(), 1);

    const std::map<int, std::string> refused = home.store.remove_all("debian13", all);

    // One change of the index however many go: otherwise a collection of N generations would write N indexes
    // of N entries.
    EXPECT_EQ(serial(), before + 1);
    EXPECT_EQ(peek_serial(home.places.images() / "debian13"), before + 1);
    ASSERT_EQ(refused.size(), 2U);
    EXPECT_THAT(refused.at(7), HasSubstr("web-1"));
    EXPECT_THAT(refused.at(20), HasSubstr("current"));
    EXPECT_EQ(home.store.generations("debian13").size(), 2U);
    EXPECT_THAT(home.store.recover(), IsEmpty());
}

TEST(Store, removals_of_a_killed_process_are_all_finished_by_the_next_command) {
    StoreHome home;
    for (int i = 0; i < 4; ++i) {
        add_generation(home.store, "debian13");
    }
    home.store.promote("debian13", 4);
    home.database.transaction([&] {
        Rows rows(home.database, home.places.images());
        for (const int number : {3, 2, 1}) {
            rows.begin_journal("delete", "debian13", number, 0);
            rows.drop_generation("debian13", number);
        }
        rows.touch("debian13");
    });

    EXPECT_EQ(home.store.recover().size(), 3U);

    EXPECT_FALSE(fs::exists(home.places.images() / "debian13/1"));
    EXPECT_EQ(read_index(home.places.images() / "debian13")->generations.size(), 1U);
    EXPECT_THAT(home.store.recover(), IsEmpty());
}

TEST(Store, holders_of_all_generations_are_those_of_each) {
    StoreHome home;
    for (int i = 0; i < 3; ++i) {
        add_generation(home.store, "debian13");
    }
    add_generation(home.store, "rocky9");
    home.store.promote("debian13", 3);
    home.store.acquire("debian13", {Holder::Kind::instance, "web-1"});
    home.store.acquire("debian13@1", {Holder::Kind::build, "export"});
    home.store.acquire("rocky9@1", {Holder::Kind::instance, "web-2"});

    const auto all = home.store.all_holders();
    EXPECT_EQ(all.size(), 3U);
    for (const auto& [key, holders] : all) {
        EXPECT_EQ(holders, home.store.holders(key.first, key.second)) << key.first << "@" << key.second;
    }
    EXPECT_EQ(home.store.all_holders("rocky9").size(), 1U);
}

TEST(Store, numbers_are_not_used_twice) {
    StoreHome home;
    add_generation(home.store, "debian13");
    add_generation(home.store, "debian13");
    home.store.remove("debian13", 2);
    EXPECT_EQ(add_generation(home.store, "debian13").generation, 3);
}

TEST(Store, unknown_names_get_a_suggestion) {
    StoreHome home;
    add_generation(home.store, "debian13");
    EXPECT_THAT(failure([&] { home.store.resolve("debain13"); }), HasSubstr("did you mean 'debian13'"));
    EXPECT_THAT(failure([&] { home.store.resolve("debian13"); }), HasSubstr("no current generation"));
    EXPECT_THAT(failure([&] { home.store.resolve("debian13@9"); }), HasSubstr("no generation 9"));
    EXPECT_THAT(failure([&] {
                    home.store.add_reference("debian13", 9, {Holder::Kind::instance, "x"});
                }),
                HasSubstr("has no generation 9"));
}

TEST(Store, failing_publication_leaves_nothing) {
    StoreHome home;
    const Store::Scratch scratch = home.store.make_scratch("debian13");
    write_file_atomically(scratch.folder / "disk.qcow2", "disk");
    EXPECT_THROW(
        home.store.adopt("debian13", scratch,
                         [](int) -> Generation { throw Error(Failure::host, "No space left on device"); }),
        Error);
    home.store.drop_scratch("debian13", scratch);

    EXPECT_THAT(home.store.images(), IsEmpty());
    EXPECT_FALSE(fs::exists(home.places.images() / "debian13"));
    EXPECT_EQ(add_generation(home.store, "debian13").generation, 1);
}

TEST(Store, unfinished_publication_of_a_dead_process_is_removed_by_the_next_command) {
    StoreHome home;
    add_generation(home.store, "debian13");
    const fs::path left = home.places.images() / "debian13/.new-0011223344556677";
    make_directories(left);
    write_file_atomically(left / "disk.qcow2", "half");

    const std::vector<std::string> fixed = home.store.recover();

    EXPECT_THAT(fixed, testing::Contains(HasSubstr("unfinished publication")));
    EXPECT_FALSE(fs::exists(left));
    EXPECT_THAT(home.store.recover(), IsEmpty());
}

TEST(Store, running_publication_is_left_alone) {
    StoreHome home;
    const Store::Scratch scratch = home.store.make_scratch("debian13");
    EXPECT_THAT(home.store.recover(), IsEmpty());
    EXPECT_TRUE(fs::exists(scratch.folder));
    home.store.drop_scratch("debian13", scratch);
}

TEST(Store, complete_publication_of_a_dead_process_becomes_a_candidate) {
    StoreHome home;
    const Generation made = add_generation(home.store, "debian13");
    // As a process killed between the rename and the commit leaves it: directory and journal row, no
    // generation row.
    home.database.transaction([&] {
        Rows rows(home.database, home.places.images());
        rows.drop_generation("debian13", 1);
        rows.begin_journal("publish", "debian13", 1, 0);
    });
    unseal(made.folder);

    EXPECT_THAT(home.store.recover(), testing::Contains(HasSubstr("debian13@1: recorded as candidate")));
    EXPECT_EQ(home.store.find("debian13", 1)->sha256, made.sha256);
}

TEST(Store, lost_database_is_noticed_before_a_publication_writes_over_the_index) {
    StoreHome home;
    add_generation(home.store, "debian13");
    home.store.promote("debian13", 1);
    const std::string before = read_file(home.places.images() / "debian13/index.json");
    home.database.raw().exec("DELETE FROM store_generations; DELETE FROM store_images");

    EXPECT_THAT(failure([&] { add_generation(home.store, "debian13"); }), HasSubstr("verify --repair"));
    EXPECT_EQ(read_file(home.places.images() / "debian13/index.json"), before);
}

TEST(Store, old_copy_of_the_database_changes_no_newer_index) {
    StoreHome home;
    add_generation(home.store, "debian13");
    add_generation(home.store, "debian13");
    home.store.promote("debian13", 1);
    home.store.promote("debian13", 2);
    home.database.raw().exec("UPDATE store_images SET serial = 1");
    home.store.promote("debian13", 1);

    EXPECT_EQ(read_index(home.places.images() / "debian13")->image.serial, 4);
}

TEST(Store, lagging_index_is_written_anew) {
    StoreHome home;
    add_generation(home.store, "debian13");
    remove_tree(home.places.images() / "debian13/index.json");

    home.store.recover();

    EXPECT_EQ(read_index(home.places.images() / "debian13")->generations.size(), 1U);
}

}  // namespace
}  // namespace imgforge::store
