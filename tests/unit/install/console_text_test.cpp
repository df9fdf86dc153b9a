// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/console_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imgforge::install {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ConsoleText, strips_carriage_returns_and_escape_sequences) {
    ConsoleText console;

    EXPECT_THAT(console.feed("\x1b[2J\x1b[1;31mred\x1b[0m text\r\n\x1b]0;title\a"
                             "next\x1b(B\r\n"),
                ElementsAre("red text", "next"));
    EXPECT_THAT(console.partial(), IsEmpty());
}

TEST(ConsoleText, gives_the_unterminated_last_line) {
    ConsoleText console;

    EXPECT_THAT(console.feed("a\nPrompt: '?' for help> "), ElementsAre("a"));

    EXPECT_EQ(console.partial(), "Prompt: '?' for help> ");
}

TEST(ConsoleText, gives_the_same_whatever_the_pieces) {
    const std::string bytes = "one\r\n\x1b[1;24r\x1b]2;x\x1b\\two \x1b[K... 5%\b\b10%\n\x1bPdata\x1b\\three";
    ConsoleText whole;
    const auto expected = whole.feed(bytes);
    ConsoleText pieces;
    std::vector<std::string> lines;
    for (const char byte : bytes) {
        for (std::string& line : pieces.feed(std::string_view(&byte, 1))) {
            lines.push_back(std::move(line));
        }
    }

    EXPECT_EQ(lines, expected);
    EXPECT_THAT(lines, ElementsAre("one", "two ... 10%"));
    EXPECT_EQ(pieces.partial(), "three");
}

TEST(ConsoleText, an_unfinished_sequence_does_not_swallow_the_log) {
    ConsoleText console;

    EXPECT_THAT(console.feed("\x1b]0;never ended\nreadable\n"), ElementsAre("", "readable"));
}

TEST(ConsoleText, cuts_endless_lines) {
    ConsoleText console;

    const auto lines = console.feed(std::string(ConsoleText::longest_line * 2 + 10, 'x'));

    EXPECT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines.front().size(), ConsoleText::longest_line);
    EXPECT_EQ(console.partial().size(), 10U);
}

}  // namespace
}  // namespace imgforge::install
