// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spool.hpp"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "tests/unit/lifecycle/spool_scene.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(SpoolTest, a_dropped_properties_file_becomes_a_machine_once) {
    drop("inst/web.properties", "image=debian13\ncomment = shop front\n");

    run(alpha_);
    run(alpha_);

    EXPECT_THAT(alpha_.calls, ElementsAre("spawn web"));
    EXPECT_THAT(text("installed.txt"),
                HasSubstr("web\tdebian13@1\trunning\t192.0.2.1\tnow\tshop front\talpha\n"));
    EXPECT_THAT(text("mac-addresses.txt"), HasSubstr("52:54:00:00:00:01\tweb\talpha\n"));
    EXPECT_THAT(text("log/spawn.log"), HasSubstr("alpha web ok"));
    EXPECT_TRUE(exists("inst/web.properties"));
}

TEST_F(SpoolTest, requests_are_carried_out_logged_and_removed) {
    drop("inst/web.properties", "image=debian13\n");
    run(alpha_);
    drop("stop/web");
    drop("start/web");

    run(alpha_);

    EXPECT_THAT(alpha_.calls, ElementsAre("spawn web", "stop web", "start web"));
    EXPECT_FALSE(exists("stop/web"));
    EXPECT_FALSE(exists("start/web"));
    EXPECT_THAT(text("log/stop.log"), HasSubstr("web ok"));
}

TEST_F(SpoolTest, a_destroyed_machine_is_marked_and_does_not_come_back) {
    drop("inst/web.properties", "image=debian13\n");
    run(alpha_);
    drop("destroy/web");
    run(alpha_);
    run(alpha_);

    EXPECT_THAT(alpha_.calls, ElementsAre("spawn web", "destroy web"));
    EXPECT_TRUE(exists("inst/web.DESTROYED"));
    EXPECT_FALSE(exists("inst/web.host"));
    EXPECT_THAT(text("installed.txt"), Not(HasSubstr("web")));

    fs::remove(temp_ / "inst/web.DESTROYED");
    run(alpha_);
    EXPECT_EQ(alpha_.calls.back(), "spawn web");
}

TEST_F(SpoolTest, a_failed_spawn_tells_why_and_is_tried_again_only_after_a_change) {
    drop("inst/web.properties", "image=missing\n");
    EXPECT_EQ(run(alpha_).failed, 1);
    EXPECT_EQ(run(alpha_).failed, 0);

    EXPECT_THAT(text("inst/web.FAILED"), HasSubstr("no image 'missing'"));
    EXPECT_FALSE(exists("inst/web.host"));

    drop("inst/web.properties", "image=debian13\n");
    fs::last_write_time(temp_ / "inst/web.properties",
                        fs::last_write_time(temp_ / "inst/web.FAILED") + std::chrono::seconds(1));
    EXPECT_EQ(run(alpha_).done, 1);
    EXPECT_FALSE(exists("inst/web.FAILED"));
}

TEST_F(SpoolTest, of_two_hosts_one_gets_the_machine_and_only_it_acts) {
    drop("inst/web.properties", "image=debian13\n");
    run(alpha_, "alpha");
    run(beta_, "beta");
    drop("stop/web");
    run(beta_, "beta");
    EXPECT_TRUE(exists("stop/web"));
    run(alpha_, "alpha");

    EXPECT_FALSE(exists("stop/web"));
    EXPECT_THAT(beta_.calls, IsEmpty());
    EXPECT_THAT(text("installed.txt"), HasSubstr("\talpha\n")) << "beta must not drop alpha's line";
}

TEST_F(SpoolTest, a_machine_meant_for_another_host_is_left_to_it) {
    drop("inst/web.properties", "image=debian13\nhost=beta\n");
    run(alpha_, "alpha");
    EXPECT_THAT(alpha_.calls, IsEmpty());
    run(beta_, "beta");
    EXPECT_THAT(beta_.calls, ElementsAre("spawn web"));
}

TEST_F(SpoolTest, autostart_follows_the_links) {
    drop("inst/web.properties", "image=debian13\nautostart=yes\n");
    run(alpha_);
    EXPECT_TRUE(exists("autostart/web"));
    fs::remove(temp_ / "autostart/web");
    run(alpha_);

    EXPECT_THAT(alpha_.calls, ElementsAre("spawn web", "autostart web", "no autostart web"));
}

TEST_F(SpoolTest, hostile_names_and_links_reach_nothing) {
    drop("start/$(id)");
    drop("stop/.nfs0001");
    drop("destroy/web~");
    fs::create_symlink("/etc/passwd", temp_ / "inst/evil.properties");

    const SpoolPass pass = run(alpha_);

    EXPECT_EQ(pass.failed, 1);
    EXPECT_THAT(alpha_.calls, IsEmpty());
    EXPECT_THAT(text("inst/evil.FAILED"), Not(HasSubstr("root:")));
    EXPECT_TRUE(exists("start/$(id)"));
}

TEST_F(SpoolTest, an_unknown_machine_is_told_in_the_log) {
    drop("start/nobody");
    EXPECT_EQ(run(alpha_).failed, 1);
    EXPECT_THAT(text("log/start.log"), HasSubstr("nobody failed: no machine"));
    EXPECT_FALSE(exists("start/nobody"));
}

TEST_F(SpoolTest, a_machine_that_the_spool_did_not_make_is_out_of_its_reach) {
    alpha_.list.push_back({"bank", "debian13@1", "running", "", "now", "", {}});
    drop("destroy/bank");
    drop("stop/bank");
    // What a user who may write there would try first.
    drop("inst/bank.host", "alpha\n");

    EXPECT_EQ(run(alpha_).failed, 2);

    EXPECT_THAT(alpha_.calls, IsEmpty());
    EXPECT_THAT(text("destroy/bank.FAILED"), HasSubstr("was not made through this spool"));
    EXPECT_FALSE(exists("destroy/bank"));
    EXPECT_EQ(run(alpha_).failed, 0) << "the mark is not a request";
}

TEST_F(SpoolTest, links_to_files_and_folders_elsewhere_are_refused) {
    const TempDir elsewhere("imgforge-test");
    write_file_atomically(elsewhere / "precious", "keep me");
    drop("inst/web.properties", "image=debian13\n");
    run(alpha_);
    fs::create_hard_link(elsewhere / "precious", temp_ / "stop/web");

    EXPECT_EQ(run(alpha_).failed, 1);
    EXPECT_THAT(text("stop/web.FAILED"), HasSubstr("hard link"));

    fs::remove_all(temp_ / "log");
    fs::create_directory_symlink(elsewhere.path(), temp_ / "log");
    EXPECT_THROW(run(alpha_), Error);
    EXPECT_EQ(read_file(elsewhere / "precious"), "keep me");
    EXPECT_FALSE(fs::exists(elsewhere / "spawn.log"));
}

TEST_F(SpoolTest, init_and_user_data_are_files_of_the_spool_and_no_others) {
    fs::create_directory(temp_ / "scripts");
    drop("scripts/first.sh", "#!/bin/sh\necho hello\n");
    drop("inst/web.properties", "image=debian13\ninit=scripts/first.sh\n");
    drop("inst/evil.properties", "image=debian13\nuser-data=../../../etc/passwd\n");
    fs::create_symlink("/etc/passwd", temp_ / "scripts/link");
    drop("inst/sly.properties", "image=debian13\nuser-data=scripts/link\n");

    EXPECT_EQ(run(alpha_).failed, 2);

    EXPECT_THAT(alpha_.calls, ElementsAre("spawn web"));
    EXPECT_EQ(alpha_.init, "#!/bin/sh\necho hello\n");
}

TEST(SpoolProperties, every_fault_is_told_with_its_line) {
    Diagnostics faults;

    EXPECT_FALSE(parse_properties("imaeg=x\nsize\nstart=maybe\nsize=a\nsize=b\ncomment=\xff\n",
                                  "web.properties", faults));

    std::vector<int> lines;
    for (const auto& fault : faults.list()) {
        lines.push_back(fault.line);
    }
    EXPECT_THAT(lines, ElementsAre(1, 2, 3, 5, 6));
    EXPECT_EQ(faults.list().at(0).suggestion, "image");
}

TEST(SpoolProperties, reads_blanks_comments_quotes_and_line_ends_of_all_kinds) {
    Diagnostics faults;

    const auto properties =
        parse_properties("# c\r\n! c\n\n  image : debian13@3 \r\ncomment=\"a = b\"\nstart=no", "p", faults);

    ASSERT_TRUE(properties) << faults.text();
    EXPECT_EQ(properties->image, "debian13@3");
    EXPECT_EQ(properties->comment, "a = b");
    EXPECT_FALSE(properties->start);
}

TEST(SpoolProperties, a_byte_order_mark_and_comments_behind_values_are_no_part_of_them) {
    Diagnostics faults;

    const auto properties = parse_properties(
        "\xef\xbb\xbfimage=debian13 # the new one\ncomment=\"rack #3\" # left\nsize=a#b\n", "p", faults);

    ASSERT_TRUE(properties) << faults.text();
    EXPECT_EQ(properties->image, "debian13");
    EXPECT_EQ(properties->comment, "rack #3");
    EXPECT_EQ(properties->size, "a#b");
}

TEST(SpoolProperties, an_image_is_needed) {
    Diagnostics faults;
    EXPECT_FALSE(parse_properties("", "p", faults));
    EXPECT_THAT(faults.text(), HasSubstr("image="));
}

}  // namespace
}  // namespace imgforge::lifecycle
