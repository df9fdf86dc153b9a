// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/pattern_literal.hpp"

#include <gtest/gtest.h>

namespace imgforge::install {
namespace {

TEST(RequiredLiteral, is_the_longest_text_outside_groups_and_classes) {
    EXPECT_EQ(required_literal("^Debian (13(?:\\.[0-9]+)*) (amd64|arm64) "), "Debian ");
    EXPECT_EQ(required_literal("^Debian GNU/Linux (13)[^\"]*\"Trixie\" - [^\\n]*?(amd64)[ /\\n]"),
              "Debian GNU/Linux ");
    EXPECT_EQ(required_literal("(9[.0-9]*) \"Trixie\" \\d"), " \"Trixie\" ");
    EXPECT_EQ(required_literal("version\\.txt"), "version.txt");
}

TEST(RequiredLiteral, leaves_out_what_may_be_missing) {
    EXPECT_EQ(required_literal("colou?rs"), "colo");
    EXPECT_EQ(required_literal("ab*c"), "a");
    EXPECT_EQ(required_literal("abc{0,2}defg"), "defg");
    EXPECT_EQ(required_literal("ab+"), "ab");
    EXPECT_EQ(required_literal("x(optional \\(text\\) [)])?yz"), "yz");
    EXPECT_EQ(required_literal("one\\ntwo!"), "two!");
}

TEST(RequiredLiteral, is_empty_where_nothing_is_sure) {
    EXPECT_EQ(required_literal(""), "");
    EXPECT_EQ(required_literal("[abc]+"), "");
    EXPECT_EQ(required_literal("Fedora|Rocky"), "");
    EXPECT_EQ(required_literal("\\x41bcdef"), "");
    EXPECT_EQ(required_literal("[[:alpha:]]bcdef"), "");
    EXPECT_EQ(required_literal("unfinished{"), "unfinishe");
    EXPECT_EQ(required_literal("a\\"), "");
}

}  // namespace
}  // namespace imgforge::install
