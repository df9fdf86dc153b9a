// SPDX-License-Identifier: GPL-3.0-or-later
// Every test that docs/seeds-of-the-project.md names is there.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <sstream>
#include <string>

#include "builder/base/file.hpp"

namespace imgforge::cli {
namespace {

namespace fs = std::filesystem;

TEST(Origins, each_line_names_tests_that_exist) {
    const fs::path root = fs::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
    std::istringstream page(read_file(root / "docs/seeds-of-the-project.md"));
    const std::regex word("`([^` ]+)`");
    int rows = 0;
    for (std::string line; std::getline(page, line);) {
        if (!line.starts_with("| ") || line.starts_with("| behaviour")) {
            continue;
        }
        ++rows;
        std::string text;
        int tests = 0;
        const std::string shown_by = line.substr(line.rfind("| ", line.size() - 3));
        for (std::sregex_iterator at(shown_by.begin(), shown_by.end(), word), end; at != end; ++at) {
            const std::string name = (*at)[1];
            if (name.starts_with("tests/")) {
                ASSERT_TRUE(fs::is_regular_file(root / name)) << line;
                text = read_file(root / name, 4U << 20U);
                ++tests;
            } else {
                EXPECT_NE(text.find(name), std::string::npos)
                    << name << " is not in the test named before it";
            }
        }
        EXPECT_GT(tests, 0) << line;
    }
    EXPECT_GT(rows, 25);
}

}  // namespace
}  // namespace imgforge::cli
