// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "builder/base/file.hpp"
#include "pipelines/engine/recipe.hpp"

namespace imgforge::engine::test {
namespace {

std::string row_of(const std::string& manual, const std::string& key) {
    const std::size_t at = manual.find("\n| `" + key + "` |");
    return at == std::string::npos ? std::string()
                                   : manual.substr(at + 1, manual.find('\n', at + 1) - at - 1);
}

TEST(RecipeManual, has_a_row_for_every_key_of_the_schema_with_its_default) {
    const std::string manual = read_file(std::string(IMGFORGE_SOURCE_DIR) + "/docs/recipe.md");
    const Json schema = recipe_schema({});
    for (const auto& key : schema["properties"].items()) {
        EXPECT_NE(row_of(manual, key.key()), "") << key.key();
        const Json& block = key.value();
        const Json properties = block.value("properties", Json::object());
        for (const Json& below : properties) {
            EXPECT_TRUE(below.contains("description"));
        }
    }
    for (const char* const block : {"installer", "machine"}) {
        const Json& properties = schema["properties"][block]["properties"];
        for (const auto& key : properties.items()) {
            const std::string row = row_of(manual, key.key());
            EXPECT_NE(row, "") << block << "." << key.key();
            if (key.value().contains("default")) {
                const Json& fallback = key.value()["default"];
                EXPECT_THAT(
                    row,
                    testing::HasSubstr(
                        "`" + (fallback.is_string() ? fallback.get<std::string>() : fallback.dump()) + "`"));
            }
        }
    }
}

}  // namespace
}  // namespace imgforge::engine::test
