// SPDX-License-Identifier: GPL-3.0-or-later
// docs/reference says what the schemas say.
#include <gmock/gmock.h>

#include <cstdlib>

#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/settings.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/schema_reference.hpp"

namespace imgforge::cli {
namespace {

using testing::HasSubstr;

/// The page of that name is `text`; with IMGFORGE_UPDATE_DOCS=1 it is made so.
void expect_page(const char* name, const std::string& text) {
    const std::filesystem::path file = data_path(std::filesystem::path("docs/reference") / name);
    if (std::getenv("IMGFORGE_UPDATE_DOCS") != nullptr) {
        make_directories(file.parent_path());
        write_file_atomically(file, text);
    }
    EXPECT_TRUE(read_file(file) == text)
        << file << " is not what the schema says: IMGFORGE_UPDATE_DOCS=1 unit_cli --gtest_filter=Reference.*";
}

TEST(Reference, of_recipes_is_current) {
    const engine::RecipeRules rules = recipe_rules();
    const std::string page = recipe_reference(engine::recipe_schema(rules.types, rules.known_os));
    expect_page("recipe.md", page);
    EXPECT_THAT(page,
                HasSubstr("| `machine.firmware` | Firmware of the machine | one of: bios, uefi | `bios` |"));
    EXPECT_THAT(page, HasSubstr("## Stage `publish`"));
}

TEST(Reference, of_settings_is_current) {
    const std::string page = settings_reference(settings_schema());
    expect_page("settings.md", page);
    EXPECT_THAT(page, HasSubstr("| `targets.NAME.folder` |"));
}

TEST(Reference, keeps_a_table_whole_whatever_a_description_says) {
    const Json schema = {
        {"properties",
         {{"key", {{"description", "a | b\nand <c>"}, {"type", "string"}, {"examples", {"x|y"}}}}}}};
    EXPECT_THAT(settings_reference(schema),
                HasSubstr("| `key` | A \\| b and &lt;c> | text |  | `x\\|y` |\n"));
}

}  // namespace
}  // namespace imgforge::cli
