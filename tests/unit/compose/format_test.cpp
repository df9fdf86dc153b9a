// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/format.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"

namespace imgforge::compose {
namespace {

TEST(Format, two_blanks_per_level_lists_below_their_key_and_comments_stay) {
    EXPECT_EQ(formatted("# head\n\n\nname:   web   # the name\nstages:\n# first\n- install:\n      answers:\n"
                        "          # inner\n          packages: [a,\n             b]\n-   audit:\n\n\n",
                        "x"),
              "# head\n\nname: web   # the name\nstages:\n  # first\n  - install:\n      answers:\n"
              "        # inner\n        packages: [a,\n           b]\n  - audit:\n");
}

TEST(Format, the_inside_of_texts_is_not_touched) {
    const std::string text =
        "run:\n    - |\n        if x; then\n          y:   z\n        fi\n\n\n        end\n"
        "    - \"a:   b\n      c\"\n    - plain text\n      goes   on\nlast: >-\n   folded\n";
    const std::string made = formatted(text, "x");
    EXPECT_NE(made.find("      if x; then\n        y:   z\n      fi\n\n\n      end\n"), std::string::npos)
        << made;
    EXPECT_EQ(formatted(made, "x"), made);
}

TEST(Format, line_ends_of_windows_and_blanks_at_line_ends_go) {
    EXPECT_EQ(formatted("a: 1  \r\nb:\r\n    c: 2\r\n", "x"), "a: 1\nb:\n  c: 2\n");
}

TEST(Format, a_text_that_cannot_be_read_is_a_fault) {
    EXPECT_THROW(formatted("a: [\n", "x"), Error);
}

TEST(Format, shipped_recipes_are_formatted_already) {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data_path("pipelines/recipes"))) {
        if (entry.path().extension() == ".recipe") {
            const std::string text = read_file(entry.path());
            EXPECT_EQ(formatted(text, entry.path().string()), text);
            ++seen;
        }
    }
    EXPECT_GE(seen, 8U);
}

}  // namespace
}  // namespace imgforge::compose
