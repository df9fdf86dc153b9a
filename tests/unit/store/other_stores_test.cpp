// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "builder/base/error.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;

namespace imgforge::store {
namespace {

const Holder web_1{.kind = Holder::Kind::instance, .name = "web-1"};

class OtherStores : public testing::Test {
protected:
    OtherStores() {
        test::add_generation(roots_.store, "debian12", "one");
        test::add_generation(roots_.store, "debian12", "two");
        roots_.store.promote("debian12", 2);
        own_.store.look_in({"/nonexistent", roots_.places.home});
    }
    test::StoreHome roots_;
    test::StoreHome own_;
};

TEST_F(OtherStores, their_images_are_found_where_there_is_no_own_one) {
    EXPECT_EQ(own_.store.resolve("debian12").folder, roots_.store.current("debian12")->folder);
    EXPECT_EQ(own_.store.resolve("debian12@1").sha256, roots_.store.find("debian12", 1)->sha256);
    EXPECT_EQ(own_.store.images_elsewhere().at("debian12").size(), 2U);
    EXPECT_TRUE(own_.store.images().empty());

    test::add_generation(own_.store, "debian12", "own");
    own_.store.promote("debian12", 1);
    EXPECT_EQ(own_.store.resolve("debian12").folder, own_.places.images() / "debian12" / "1");
    EXPECT_FALSE(own_.store.find("debian12", 2).has_value());
    EXPECT_TRUE(own_.store.images_elsewhere().empty());
}

TEST_F(OtherStores, references_are_kept_here_and_nothing_is_written_there) {
    const std::string before = read_file(index_path(roots_.places.images() / "debian12"));
    own_.store.add_reference("debian12", 2, web_1);
    EXPECT_EQ(own_.store.holders("debian12", 2), std::vector{web_1});
    EXPECT_TRUE(roots_.store.holders("debian12", 2).empty());
    EXPECT_EQ(read_file(index_path(roots_.places.images() / "debian12")), before);
    own_.store.remove_references(web_1);
    EXPECT_TRUE(own_.store.holders("debian12", 2).empty());
    EXPECT_THROW(own_.store.add_reference("debian12", 3, web_1), Error);
}

TEST_F(OtherStores, are_only_read) {
    EXPECT_THROW(own_.store.promote("debian12", 1), Error);
    EXPECT_THROW(own_.store.remove("debian12", 1), Error);
    EXPECT_EQ(roots_.store.current("debian12")->generation, 2);
    EXPECT_TRUE(fs::exists(roots_.store.find("debian12", 1)->disk()));
}

TEST_F(OtherStores, a_name_that_nobody_has_is_compared_with_theirs) {
    try {
        own_.store.resolve("debian21");
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("did you mean 'debian12'"));
    }
}

TEST_F(OtherStores, a_damaged_one_keeps_nobody_from_the_rest) {
    write_file_atomically(index_path(roots_.places.images() / "debian12"), "{}");
    EXPECT_TRUE(own_.store.images_elsewhere().empty());
    EXPECT_THROW(own_.store.resolve("debian12"), Error);
}

}  // namespace
}  // namespace imgforge::store
