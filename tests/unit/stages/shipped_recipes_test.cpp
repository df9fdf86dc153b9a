// SPDX-License-Identifier: GPL-3.0-or-later
// What is shipped must be what `validate` takes. (What the documents show is validated by tests/tools/docs.)
#include <gmock/gmock.h>

#include <filesystem>

#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/compose/format.hpp"
#include "pipelines/engine/editor_schema.hpp"
#include "pipelines/engine/inspection.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/engine/scaffold.hpp"
#include "pipelines/stages/registry.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;

engine::RecipeRules rules() {
    return {.types = all_stage_types(),
            .known_os = templates::distribution_names(),
            .shipped = data_path("pipelines/recipes")};
}

std::vector<std::string> faults(const std::string& text) {
    std::vector<std::string> lines;
    const engine::LoadedRecipes loaded = engine::parse_recipes(text, "x.recipe", rules());
    for (const Diagnostic& one : loaded.diagnostics.list()) {
        lines.push_back(to_text(one));
    }
    return lines;
}

TEST(ShippedRecipes, and_the_examples_have_no_faults_and_name_their_schema) {
    std::size_t seen = 0;
    for (const auto& entry : fs::recursive_directory_iterator(data_path("pipelines/recipes"))) {
        if (entry.path().extension() != ".recipe") {
            continue;
        }
        const engine::LoadedRecipes loaded = engine::load_recipes(entry.path(), rules());
        // A keyring that this host lacks is a warning with the package to install.
        EXPECT_FALSE(loaded.diagnostics.has_errors()) << loaded.diagnostics.text();
        EXPECT_FALSE(loaded.recipes.empty()) << entry.path();
        EXPECT_THAT(read_file(entry.path()),
                    HasSubstr("# yaml-language-server: $schema=recipe.schema.json\n"));
        ++seen;
    }
    EXPECT_GE(seen, 14U);
}

TEST(Order, a_recipe_that_can_only_fail_is_refused) {
    const std::string head = "name: x\nos: debian13\ninstaller: {archive: trixie}\nstages: ";
    EXPECT_THAT(faults(head + "[{install: {}}, {spawn: {}}]\n"),
                Contains(HasSubstr("'spawn' needs a generation, and no stage before it makes one")));
    EXPECT_THAT(faults(head + "[{publish: {}}, {install: {}}]\n"),
                Contains(HasSubstr("'publish' stands before 'install'")));
    EXPECT_THAT(faults(head + "[{install: {}}, {spawn: {}}, {publish: {}}]\n"),
                Contains(HasSubstr("put it after 'publish'")));
    EXPECT_THAT(faults(head + "[{install: {}}, {publish: {}}, {spawn: {}}]\n"), testing::IsEmpty());
}

TEST(Medium, a_recipe_without_one_or_with_a_wrong_one_is_refused) {
    const std::string stages = "stages: [{install: {}}]\n";
    EXPECT_THAT(faults("name: x\nos: rhel9\n" + stages), Contains(HasSubstr("nothing to install from")));
    EXPECT_THAT(faults("name: x\nos: debian13\n" + stages), testing::IsEmpty()) << "its row has an archive";
    EXPECT_THAT(faults("name: x\nos: debian13\ninstaller: {archive: trixi}\n" + stages),
                Contains(AllOf(HasSubstr("suite 'trixi'"), HasSubstr("did you mean 'trixie'?"))));
    EXPECT_THAT(faults("name: x\nos: debian13\ninstaller: {archive: bookworm}\n" + stages),
                Contains(HasSubstr("an ISO of 'bookworm' does not install 'debian13'")));
    EXPECT_THAT(faults("name: x\nos: rocky9\ninstaller: {archive: trixie}\n" + stages),
                Contains(HasSubstr("set installer.iso")));
}

TEST(Secrets, may_stand_where_customize_writes_and_nowhere_else) {
    const std::string head =
        "name: x\nos: debian13\ninstaller: {archive: trixie}\nsecrets: {t: {env: T}}\nstages: ";
    EXPECT_THAT(
        faults(head +
               "[{install: {}}, {customize: {run: ['a ${secrets.t}'], write: {/a: '${secrets.t}'}}}]\n"),
        testing::IsEmpty());
    EXPECT_THAT(faults(head + "[{install: {}}, {customize: {hostname: '${secrets.t}'}}]\n"),
                Contains(HasSubstr("the secret 't' cannot be used here")));
}

TEST(Scaffold, has_no_faults_and_is_formatted) {
    for (const std::string& text : {engine::scaffold("web"), engine::scaffold_from("web", "debian13")}) {
        EXPECT_THAT(faults(text), testing::IsEmpty()) << text;
        EXPECT_EQ(compose::formatted(text, "web.recipe"), text);
    }
}

TEST(Inspection, says_where_each_value_came_from_and_shows_no_secret) {
    const TempDir folder("inspection");
    write_file_atomically(folder / "base.recipe",
                          "name: base\nos: debian13\ninstaller: {archive: trixie}\nsecrets: {t: {env: T}}\n"
                          "stages:\n  - install:\n  - customize:\n      packages: ${packages}\n"
                          "      run: ['a ${secrets.t}']\nvars: {packages: []}\n");
    write_file_atomically(folder / "web.recipe", "extends: base\nname: web\nvars:\n  packages: [vim]\n");
    const engine::LoadedRecipes loaded = engine::load_recipes(folder / "web.recipe", rules());
    ASSERT_FALSE(loaded.recipes.empty()) << loaded.diagnostics.text();
    const Json record = engine::inspection_record(loaded.recipes.front());
    EXPECT_EQ(record["recipe"]["stages"][1]["customize"]["packages"], Json::array({"vim"}));
    const Json& origins = record["origins"];
    EXPECT_EQ(origins["/os"], (folder / "base.recipe").string() + ":2:5");
    EXPECT_EQ(origins["/stages/1/customize/packages/0"], (folder / "web.recipe").string() + ":4:14");
    EXPECT_EQ(origins["/machine/firmware"], "default");
    EXPECT_EQ(record["recipe"]["stages"][1]["customize"]["run"][0], "a ${secrets.t}");
    EXPECT_THAT(engine::inspection_text(loaded.recipes.front()), HasSubstr("- vim"));
}

TEST(EditorSchema, takes_what_documents_write) {
    const Json schema = engine::editor_schema(engine::recipe_schema(all_stage_types(), {"debian13"}));
    const Json& stages = schema["properties"]["stages"]["items"]["properties"];
    EXPECT_THAT(stages["sysprep"]["type"], Contains("null"));
    EXPECT_THAT(stages["customize"]["properties"]["packages"]["type"], Contains("string"));
    EXPECT_TRUE(schema["properties"]["machine"]["patternProperties"].contains("^.+\\+$"));
    EXPECT_FALSE(schema.contains("required"));
}

}  // namespace
}  // namespace imgforge::stages
