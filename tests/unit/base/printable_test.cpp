// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/printable.hpp"

#include <gtest/gtest.h>

#include "builder/base/json.hpp"

namespace imgforge {
namespace {

TEST(Printable, text_of_people_stays_as_it_is) {
    EXPECT_EQ(printable("Müller’s 漢字 🚀 é"), "Müller’s 漢字 🚀 é");
    EXPECT_EQ(printable_lines("a\n\tb"), "a\n\tb");
}

TEST(Printable, what_steers_a_terminal_comes_out_as_its_number) {
    EXPECT_EQ(printable("\x1b[2J\a\n\r\x7f"), "\\x1b[2J\\x07\\x0a\\x0d\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "\\u009b31m");
    EXPECT_EQ(printable("a\x9b"
                        "b\xff"),
              "a\\x9bb\\xff");
    EXPECT_EQ(printable_lines("a\rb"), "a\\x0db");
}

TEST(Printable, marks_of_direction_and_invisible_ones_are_shown) {
    EXPECT_EQ(printable("\u202egnp.exe"), "\\u202egnp.exe");
    EXPECT_EQ(printable("\u2066x\u2069\u200f\u061c\u2028"), "\\u2066x\\u2069\\u200f\\u061c\\u2028");
    EXPECT_EQ(printable("\U000e0041"), "\\U000e0041");
}

TEST(Printable, json_keeps_its_meaning) {
    const Json record{{"label", "\u202ea\u009b\U000e0041"}, {"lines", "a\nb"}};
    const std::string text = printable_json(pretty(record));
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(text.find("\u202e"), std::string::npos);
    EXPECT_EQ(parse_json(text, "test"), record);
}

TEST(Printable, broken_utf8_never_comes_through) {
    for (const std::string text :
         {"\xc0\xaf", "\xe2\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe0\x9f\xbf"}) {
        for (const char byte : printable(text)) {
            EXPECT_LT(static_cast<unsigned char>(byte), 0x80) << text.size();
        }
    }
}

}  // namespace
}  // namespace imgforge
