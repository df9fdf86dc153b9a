// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/file_steps.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "sysprep/customize/customize.hpp"
#include "sysprep/customize/edit_expression.hpp"
#include "sysprep/customize/passwords.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::sysprep {
namespace {

using guest::MemoryGuestFs;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string edited(const std::string& expression, const std::string& line) {
    return EditExpression(expression).apply(line);
}

TEST(EditExpression, replaces_the_first_match_or_with_g_every_one) {
    EXPECT_EQ(edited("s/a/b/", "aaa"), "baa");
    EXPECT_EQ(edited("s/a/b/g", "aaa"), "bbb");
    EXPECT_EQ(edited("s/A/b/i", "aa"), "ba");
    EXPECT_EQ(edited("s/^#? *(Port) .*/$1 2222/", "#Port 22"), "Port 2222");
}

TEST(EditExpression, knows_the_escapes_of_perl_and_sed) {
    EXPECT_EQ(edited("s/\\/usr\\/bin/\\/bin/", "x=/usr/bin"), "x=/bin");
    EXPECT_EQ(edited("s|/usr|/opt|", "/usr/x"), "/opt/x");
    EXPECT_EQ(edited("s|a\\|b|c|", "a|b"), "c");
    EXPECT_EQ(edited("s/(a)(b)/\\2\\1/", "ab"), "ba");
    EXPECT_EQ(edited("s/a/$&$&/", "a"), "aa");
    EXPECT_EQ(edited("s/a/x\\ny\\tz/", "a"), "x\ny\tz");
    EXPECT_EQ(edited("s/a/\\$1 & $/", "a"), "$1 & $");
}

TEST(EditExpression, refuses_what_is_none_before_anything_is_done) {
    for (const char* text : {"y/a/b/", "s/a/b", "s/a/b/x", "s//b/", "s/(/b/", "sxaxbx", "", "s/a"}) {
        EXPECT_THROW(EditExpression{text}, Error) << text;
    }
}

class Steps : public testing::Test {
protected:
    Steps() {
        fs.add("/etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv/web:/bin/sh\n");
        fs.add("/etc/group", "root:x:0:\nwebs:x:44:\n");
        fs.add("/etc/conf", "one\ntwo\n", 0640);
    }
    void apply(const FileSteps& steps) {
        guest::Inspection os;
        SysprepOptions options;
        Cleaner cleaner(fs, os, options);
        apply_file_steps(cleaner, steps, [](const std::string&) {});
    }
    MemoryGuestFs fs;
};

TEST_F(Steps, two_edits_of_one_file_both_count) {
    apply({.edit = {{"/etc/conf", "s/one/1/"}, {"/etc/conf", "s/two/2/"}}});
    EXPECT_EQ(fs.read("/etc/conf"), "1\n2\n");
}

TEST_F(Steps, an_edit_that_changes_nothing_is_an_error) {
    try {
        apply({.edit = {{"/etc/conf", "s/three/3/"}}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("changed nothing in /etc/conf"));
    }
    EXPECT_THROW(apply({.edit = {{"/etc/missing", "s/a/b/"}}}), Error);
}

TEST_F(Steps, copies_moves_and_removes_as_cp_mv_and_rm_do) {
    fs.make_directory("/srv/in");
    fs.add("/srv/a/x", "X", 0600, 33, 44);

    apply({.copy = {{"/etc/conf", "/srv/in"}, {"/srv/a", "/srv/b"}},
           .move = {{"/srv/a/x", "/srv/in/y"}},
           .erase = {"/srv/in/conf"}});

    EXPECT_EQ(fs.read("/srv/b/x"), "X");
    EXPECT_EQ(fs.lstat("/srv/b/x")->mode, 0600U);
    EXPECT_EQ(fs.lstat("/srv/b/x")->uid, 33U);
    EXPECT_FALSE(fs.exists("/srv/a/x"));
    EXPECT_EQ(fs.read("/srv/in/y"), "X");
    EXPECT_FALSE(fs.exists("/srv/in/conf"));
    EXPECT_THROW(apply({.copy = {{"/missing", "/srv/z"}}}), Error);
}

TEST_F(Steps, appends_touches_truncates_and_sets_mode_and_owner) {
    apply({.append_line = {{"/etc/conf", "three"}, {"/etc/new", "first"}},
           .touch = {"/var/seen"},
           .truncate = {},
           .chmod = {{"/etc/conf", "0600"}},
           .chown = {{"/etc/conf", "web:webs"}}});

    EXPECT_EQ(fs.read("/etc/conf"), "one\ntwo\nthree\n");
    EXPECT_EQ(fs.read("/etc/new"), "first\n");
    EXPECT_TRUE(fs.exists("/var/seen"));
    EXPECT_EQ(fs.lstat("/etc/conf")->mode, 0600U);
    EXPECT_EQ(fs.lstat("/etc/conf")->uid, 33U);
    EXPECT_EQ(fs.lstat("/etc/conf")->gid, 44U);
    apply({.truncate = {"/etc/conf"}});
    EXPECT_EQ(fs.read("/etc/conf"), "");
    EXPECT_THROW(apply({.chown = {{"/etc/conf", "nobody-here"}}}), Error);
}

TEST_F(Steps, truncates_every_file_below_a_directory_and_no_link) {
    fs.add("/srv/log/a", "A");
    fs.add("/srv/log/deep/b", "B");
    fs.symlink("/etc/conf", "/srv/log/link");

    apply({.truncate_recursive = {"/srv/log"}});

    EXPECT_EQ(fs.read("/srv/log/a"), "");
    EXPECT_EQ(fs.read("/srv/log/deep/b"), "");
    EXPECT_EQ(fs.read("/etc/conf"), "one\ntwo\n");
    EXPECT_THROW(apply({.truncate_recursive = {"/srv/missing"}}), Error);
}

TEST_F(Steps, a_scrubbed_file_is_overwritten_in_its_own_blocks_before_it_is_removed) {
    fs.add("/srv/secret", "hunter2");
    fs.add_hard_link("/srv/secret", "/srv/other");

    apply({.scrub = {"/srv/secr*"}});

    EXPECT_FALSE(fs.exists("/srv/secret"));
    EXPECT_EQ(fs.read("/srv/other"), std::string(7, '\0'));
    EXPECT_THROW(apply({.scrub = {"/srv/missing"}}), Error);
    EXPECT_THROW(apply({.scrub = {"/srv"}}), Error);
}

TEST(CustomizeOptions, links_are_a_map_or_have_the_order_of_virt_customize) {
    using Pair = std::pair<std::string, std::string>;
    EXPECT_THAT(customize_spec({{"link", {{"/etc/a", "b"}}}}, {}).link,
                testing::ElementsAre(Pair("/etc/a", "b")));
    EXPECT_THAT(customize_spec({{"link", Json::array({"../b:/etc/a:/etc/c"})}}, {}).link,
                testing::ElementsAre(Pair("/etc/a", "../b"), Pair("/etc/c", "../b")));
    EXPECT_THAT(check_customize(customize_spec({{"link", Json::array({"/b"})}}, {})), testing::SizeIs(1));
}

TEST(CheckFileSteps, finds_every_fault_without_the_guest) {
    const auto faults = check_file_steps({.copy = {{"relative", "/x"}},
                                          .edit = {{"/etc/x", "s/(/b/"}},
                                          .chmod = {{"/etc/x", "u+x"}},
                                          .erase = {"/a/../b"}});
    EXPECT_EQ(faults.size(), 4U);
    EXPECT_THAT(check_file_steps({.edit = {{"/etc/x", "s/a/b/"}}}), IsEmpty());
}

TEST(PasswordChange, knows_the_words_of_virt_customize) {
    const TempDir folder;
    write_file_atomically(folder / "pw", "from a file\nsecond line\n");

    EXPECT_THAT(parse_password("password:Tr0ub4dor", {}).hash, StartsWith("$6$"));
    EXPECT_THAT(parse_password("password:Tr0ub4dor", {}, "md5").hash, StartsWith("$1$"));
    EXPECT_THAT(parse_password("password:Tr0ub4dor", {}, "sha256").hash, StartsWith("$5$"));
    EXPECT_THROW(parse_password("password:Tr0ub4dor", {}, "rot13"), Error);
    EXPECT_THAT(parse_password("file:pw", folder.path()).hash, StartsWith("$6$"));
    EXPECT_EQ(parse_password("hash:$y$j9T$abc", {}).hash, "$y$j9T$abc");
    EXPECT_EQ(shadow_field(parse_password("disabled", {}), "$6$old"), "*");
    EXPECT_EQ(shadow_field(parse_password("locked", {}), "$6$old"), "!$6$old");
    EXPECT_EQ(shadow_field(parse_password("locked", {}), "!$6$old"), "!$6$old");
    EXPECT_EQ(shadow_field(parse_password("locked:hash:$6$new", {}), "$6$old"), "!$6$new");
    const PasswordChange drawn = parse_password("random", {});
    EXPECT_GE(drawn.generated.size(), 16U);
    EXPECT_NE(drawn.generated, parse_password("random", {}).generated);
    EXPECT_THAT(drawn.hash, StartsWith("$6$"));
}

TEST(PasswordChange, refuses_other_words_without_repeating_a_password) {
    EXPECT_THROW(parse_password("", {}), Error);
    EXPECT_THROW(parse_password("password:", {}), Error);
    EXPECT_THROW(parse_password("file:/does/not/exist", {}), Error);
    try {
        parse_password("pasword:hunter2", {});
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), testing::Not(HasSubstr("hunter2")));
    }
}

}  // namespace
}  // namespace imgforge::sysprep
