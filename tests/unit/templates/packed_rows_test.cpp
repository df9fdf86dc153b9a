// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/packed_rows.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "templates/distribution.hpp"
#include "templates/recognition.hpp"

namespace imgforge::templates {
namespace {

namespace fs = std::filesystem;

const fs::path source_rows = fs::path(IMGFORGE_SOURCE_DIR) / "templates";

TEST(PackedRows, are_what_strict_yaml_makes_of_the_shipped_files) {
    ASSERT_GT(packed_rows().size(), 40U);
    for (const PackedRow& row : packed_rows()) {
        EXPECT_EQ(row.text, read_file(source_rows / row.name)) << row.name;
        EXPECT_EQ(load_row_file(source_rows / row.name).root,
                  load_yaml((source_rows / row.name).string()).root)
            << row.name;
    }
}

TEST(PackedRows, a_file_that_was_changed_is_parsed) {
    const TempDir dir;
    make_directories(dir / "distributions");
    const fs::path file = dir / "distributions/debian13.yaml";
    const std::string text = read_file(source_rows / "distributions/debian13.yaml");
    write_file_atomically(file, text + "login-user: me\n");
    const YamlDocument changed = load_row_file(file);
    EXPECT_EQ(changed.root.at("login-user"), "me");
    EXPECT_FALSE(changed.positions.empty());

    write_file_atomically(file, text + "name: again\n");
    EXPECT_THROW(static_cast<void>(load_row_file(file)), Error);
}

TEST(FirstDistribution, is_the_first_by_name_and_reads_the_rules_of_all) {
    const auto by_label = [](std::string_view part) {
        return first_distribution(
            [&](const Detection& rule) { return rule.match.find(part) != std::string::npos; });
    };
    EXPECT_EQ(by_label("Trixie"), "debian13");
    EXPECT_EQ(by_label("no such words"), std::nullopt);
    std::size_t rules = 0;
    static_cast<void>(first_distribution([&](const Detection&) {
        ++rules;
        return false;
    }));
    std::size_t all = 0;
    for (const Distribution& row : distributions())
        all += row.detect.size();
    EXPECT_EQ(rules, all);
}

}  // namespace
}  // namespace imgforge::templates
