// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/publish.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/image/backing_chain.hpp"
#include "pipelines/store/delta.hpp"
#include "pipelines/store/files.hpp"
#include "pipelines/store/gc.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Publish : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img")) {
            IMGFORGE_SKIP("tools", "qemu-img is not installed");
        }
    }

    /// A candidate whose packages and disk differ from others by `version`.
    Candidate candidate(int version, const test::DiskRecipe& disk) {
        Candidate made;
        made.image = "debian13";
        made.disk = work_ / fmt::format("candidate-{}.qcow2", version);
        test::make_disk(processes_, made.disk, disk);
        made.contents.package_format = "deb";
        made.contents.distribution = "debian";
        made.contents.packages = {
            {.name = "curl", .version = fmt::format("8.0-{}", version), .architecture = "amd64"}};
        made.policy = {{"keep", 20}};
        return made;
    }

    PublishResult publish_and_promote(const Candidate& made) {
        PublishResult result = publish(home_.store, processes_, made, monitor_);
        home_.store.promote(made.image, result.generation.generation);
        return result;
    }

    std::uint64_t images_size() const {
        std::uint64_t sum = 0;
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(home_.places.images())) {
            sum += entry.is_regular_file() ? allocated_size(entry.path()) : 0;
        }
        return sum;
    }

    SystemProcessRunner processes_;
    NullMonitor monitor_;
    TempDir work_{"imgforge-publish"};
    test::StoreHome home_{std::filesystem::path()};  // a real file system: immutable flags, fsync
};

TEST_F(Publish, whole_disk_reads_as_the_candidate_and_all_records_are_there) {
    const Candidate made = candidate(1, {});
    const PublishResult result = publish(home_.store, processes_, made, monitor_);

    EXPECT_TRUE(result.published);
    EXPECT_EQ(result.generation.generation, 1);
    EXPECT_EQ(result.generation.depth, 0);
    for (const char* name :
         {"disk.qcow2", "manifest.json", "packages.json", "sbom.spdx.json", "audit.json"}) {
        EXPECT_TRUE(fs::exists(result.generation.folder / name)) << name;
    }
    EXPECT_NO_THROW(require_same_content(processes_, made.disk, result.generation.disk()));
    EXPECT_THAT(verify(home_.store, {}, monitor_), IsEmpty());
}

TEST_F(Publish, not_even_root_writes_to_a_published_disk) {
    if (::geteuid() != 0 || std::getenv("IMGFORGE_IMMUTABLE") != nullptr) {
        IMGFORGE_SKIP("tools", "the immutable flag needs root and must not be switched off");
    }
    const PublishResult result = publish(home_.store, processes_, candidate(1, {}), monitor_);
    EXPECT_THROW(open_fd(result.generation.disk(), O_WRONLY), Error);
    std::error_code code;
    fs::remove(result.generation.manifest_path(), code);
    EXPECT_TRUE(fs::exists(result.generation.manifest_path())) << "this file system has no immutable flag";
}

TEST_F(Publish, same_packages_and_files_are_not_published_again) {
    publish_and_promote(candidate(1, {}));
    const PublishResult again =
        publish(home_.store, processes_, candidate(1, {.change_seed = 5, .changes = 2}), monitor_);

    EXPECT_FALSE(again.published);
    EXPECT_EQ(again.generation.generation, 1);
    EXPECT_THAT(again.reason, HasSubstr("debian13@1, the current generation"));
    EXPECT_EQ(home_.store.generations("debian13").size(), 1U);
}

TEST_F(Publish, content_that_was_rolled_back_does_not_come_back_by_itself) {
    publish_and_promote(candidate(1, {}));
    publish_and_promote(candidate(2, {.change_seed = 2, .changes = 2}));
    home_.store.rollback("debian13");

    const PublishResult again =
        publish(home_.store, processes_, candidate(2, {.change_seed = 2, .changes = 2}), monitor_);

    EXPECT_FALSE(again.published);
    EXPECT_THAT(again.reason, HasSubstr("rolled back"));
    EXPECT_EQ(home_.store.resolve("debian13").generation, 1);
}

TEST_F(Publish, candidate_of_a_killed_build_is_taken_up_again) {
    publish(home_.store, processes_, candidate(1, {}), monitor_);
    const PublishResult again = publish(home_.store, processes_, candidate(1, {}), monitor_);
    EXPECT_FALSE(again.published);
    EXPECT_EQ(again.generation.state, GenerationState::candidate);
}

TEST_F(Publish, difference_holds_only_what_changed_and_reads_as_the_candidate) {
    publish_and_promote(candidate(1, {}));
    const Candidate next = candidate(2, {.change_seed = 2, .changes = 3});
    const PublishResult result = publish_and_promote(next);

    EXPECT_EQ(result.generation.parent, 1);
    EXPECT_LT(result.generation.allocated_size, ByteSize::mib(1));
    EXPECT_NO_THROW(require_same_content(processes_, next.disk, result.generation.disk()));
    const auto chain = image::read_backing_chain(result.generation.disk(), image::DiskFormat::qcow2);
    EXPECT_EQ(chain.at(0).header->backing_file, "../1/disk.qcow2");
    EXPECT_THAT(home_.store.holders("debian13", 1),
                testing::ElementsAre(Holder{Holder::Kind::generation, "debian13@2"}));
    EXPECT_THROW(home_.store.remove("debian13", 1), Error);
}

TEST_F(Publish, unlike_disk_is_stored_whole) {
    publish_and_promote(candidate(1, {}));
    const PublishResult result = publish_and_promote(candidate(2, {.seed = 99}));
    EXPECT_FALSE(result.generation.parent.has_value());
    EXPECT_EQ(result.reason, "stored in full");
}

TEST_F(Publish, candidate_with_a_backing_chain_is_flattened) {
    const Candidate base = candidate(1, {});
    Candidate made = candidate(2, {});
    fs::remove(made.disk);
    run_checked(processes_, {.program = "qemu-img",
                             .args = {"create", "-q", "-f", "qcow2", "-b", base.disk.string(), "-F", "qcow2",
                                      made.disk.string()}});
    const PublishResult result = publish(home_.store, processes_, made, monitor_);
    EXPECT_EQ(image::read_backing_chain(result.generation.disk(), image::DiskFormat::qcow2).size(), 1U);
    EXPECT_NO_THROW(require_same_content(processes_, made.disk, result.generation.disk()));
}

TEST_F(Publish, ten_nights_cost_at_most_twice_one_generation_with_short_chains) {
    // Each night 3 % of the clusters change, on top of the night before.
    const test::DiskRecipe first{.data_mib = 10, .virtual_mib = 32};
    publish_and_promote(candidate(1, first));
    const std::uint64_t one = images_size();
    int deepest = 0;
    for (int night = 2; night <= 10; ++night) {
        // The same change seed with more changes repeats the changes before and adds new ones.
        const Candidate made = candidate(night, {.data_mib = 10,
                                                 .virtual_mib = 32,
                                                 .change_seed = 7,
                                                 .changes = static_cast<std::size_t>(5 * (night - 1))});
        const PublishResult result = publish_and_promote(made);
        deepest = std::max(deepest, result.generation.depth);
        EXPECT_NO_THROW(require_same_content(processes_, made.disk, result.generation.disk()));
        fs::remove(made.disk);
    }
    const double ratio = static_cast<double>(images_size()) / static_cast<double>(one);
    RecordProperty("ratio", fmt::format("{:.2f}", ratio));
    fmt::print("ten generations: {:.2f} times one, deepest chain {}\n", ratio, deepest);
    EXPECT_LE(ratio, 2.0);
    EXPECT_LE(deepest, 4);
    EXPECT_THAT(verify(home_.store, {}, monitor_), IsEmpty());
}

TEST_F(Publish, garbage_collection_keeps_parents_of_what_stays) {
    for (int version = 1; version <= 5; ++version) {
        publish_and_promote(
            candidate(version, {.change_seed = 3, .changes = static_cast<std::size_t>(version)}));
    }
    const auto outcomes = collect_garbage(home_.store, "debian13", GcPolicy{.keep = 2});

    EXPECT_EQ(outcomes.size(), 5U);
    // 1 <- 2 <- 3 <- 4 <- 5: everything is needed by the newest two.
    EXPECT_EQ(home_.store.generations("debian13").size(), 5U);
    EXPECT_THAT(outcomes.front().decision.reason, HasSubstr("stored as difference to it"));
    EXPECT_THAT(verify(home_.store, {}, monitor_), IsEmpty());
}

}  // namespace
}  // namespace imgforge::store
