// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/build_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imgforge::engine {
namespace {

using testing::ElementsAre;

BuildFacts all_facts() {
    return {
        .medium = MediumFacts{.sha256 = std::string(64, 'a'), .verified_by = "sha256"},
        .install = InstallFacts{.os = "debian13",
                                .product = "Debian GNU/Linux 13",
                                .label = "Debian 13 amd64 n",
                                .kernel = "/boot/vmlinuz-6.12",
                                .boot_loader = "grub-pc",
                                .seconds = 601.5,
                                .acceleration = "tcg"},
        .customized = CustomizedFacts{.paths = {"/etc/motd"},
                                      .passwords = {"root"},
                                      .users = {"me"},
                                      .sudo = {"me"},
                                      .hostname = "golden"},
        .sysprep =
            SysprepFacts{.machine_id = "keep", .keep = {"/etc/x"}, .keep_passwords = {"root"}, .changes = 12},
        .audit = AuditFacts{.waived = 2},
        .compact = CompactFacts{.before = 900, .after = {{"qcow2", 300}}, .virtual_size = ByteSize::gib(10)},
        .published = PublishedFacts{.image = "debian13",
                                    .generation = 4,
                                    .published = true,
                                    .candidate = true,
                                    .reason = "stored in full",
                                    .disk = "/store/images/debian13/4/disk.qcow2",
                                    .sha256 = std::string(64, 'b'),
                                    .virtual_size = ByteSize::gib(10),
                                    .allocated_size = ByteSize::mib(300),
                                    .recipe_base = "c"},
        .proof = ProofFacts{.clones = {"proof-1", "proof-2"}, .compared = {"machine-id"}},
        .stated_images = {"/srv/base.qcow2"}};
}

TEST(BuildFacts, survive_the_record_of_a_layer) {
    EXPECT_EQ(build_facts(to_json(all_facts())), all_facts());
    EXPECT_EQ(build_facts(to_json({})), BuildFacts{});
}

TEST(BuildFacts, a_later_stage_replaces_its_own_subject_only) {
    BuildFacts facts = all_facts();
    facts.update({.customized = CustomizedFacts{.paths = {"/etc/issue"}}});

    EXPECT_THAT(facts.customized->paths, ElementsAre("/etc/issue"));
    EXPECT_TRUE(facts.customized->hostname.empty());
    EXPECT_EQ(facts.medium, all_facts().medium);
    EXPECT_EQ(facts.published, all_facts().published);
}

TEST(BuildFacts, layers_of_an_older_imgforge_keep_their_medium) {
    EXPECT_EQ(build_facts(Json::parse(R"({"os": "debian13", "install": {"medium_sha256": "abc"}})")).medium,
              (MediumFacts{.sha256 = "abc"}));
    EXPECT_EQ(build_facts(Json::parse(R"({"medium_sha256": "abc", "medium_verified_by": "sha256"})")).medium,
              (MediumFacts{.sha256 = "abc", .verified_by = "sha256"}));
}

TEST(BuildFacts, the_build_record_has_null_where_nothing_was_published) {
    EXPECT_TRUE(generation_json({}).is_null());
    EXPECT_TRUE(image_json({}).is_null());
    EXPECT_EQ(generation_json(all_facts()), 4);
    EXPECT_EQ(image_json(all_facts())["path"], "/store/images/debian13/4/disk.qcow2");
}

TEST(BuildFacts, a_record_of_another_form_is_refused) {
    EXPECT_THROW(build_facts(Json::parse(R"({"image": {"name": 3}, "generation": "x"})")), Json::exception);
}

}  // namespace
}  // namespace imgforge::engine
