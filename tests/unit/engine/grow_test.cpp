// SPDX-License-Identifier: GPL-3.0-or-later
// Recipes that grow: three levels, a matrix, variables; what a change reruns.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "tests/unit/engine/fake_stage.hpp"

using testing::Contains;

namespace imgforge::engine::test {
namespace {

/// Writes base, middle and child and loads the child.
class Family {
public:
    Family() {
        write("base.recipe",
              "name: base\nos: debian13\nvars: {first: a, second: b, third: c, unused: 1}\nstages:\n"
              "  - one: {text: \"${first}\"}\n  - two: {text: \"${second}\"}\n  - three: {text: "
              "\"${third}\"}\n");
        write("middle.recipe",
              "extends: base\nname: middle\nstages+:\n  - four: {text: \"${first}${third}\"}\n");
    }
    void write(const std::string& name, const std::string& text) const {
        write_file_atomically(shop.home / name, text);
    }
    LoadedRecipes load(const std::string& child, const std::vector<Override>& overrides = {}) const {
        write("child.recipe", child);
        return load_recipes(shop.home / "child.recipe", shop.rules(), overrides);
    }
    mutable Workshop shop;
};

std::vector<std::string> texts(const Diagnostics& diagnostics) {
    std::vector<std::string> lines;
    for (const Diagnostic& one : diagnostics.list()) {
        lines.push_back(to_text(one));
    }
    return lines;
}

TEST(GrownRecipe, a_matrix_on_three_levels_shares_the_stages_that_do_not_differ) {
    const Family family;
    LoadedRecipes loaded = family.load("extends: middle\nname: web\nmatrix: {third: [x, y]}\n");
    ASSERT_THAT(loaded.recipes, SizeIs(2)) << loaded.diagnostics.text();
    EXPECT_EQ(loaded.recipes[0].facts.name, "web-x");
    EXPECT_EQ(loaded.recipes[1].facts.name, "web-y");
    std::set<std::string> prints;
    for (Recipe& recipe : loaded.recipes) {
        for (const PlannedStage& stage : plan_build(recipe, {}, family.shop.host())) {
            prints.insert(stage.fingerprint);
        }
    }
    EXPECT_EQ(prints.size(), 6U) << "one and two once, three and four twice";
}

TEST(GrownRecipe, an_image_of_the_matrix_is_chosen_with_set) {
    const Family family;
    const LoadedRecipes loaded =
        family.load("extends: middle\nname: web\nmatrix: {third: [x, y]}\n", {{"matrix.third", "y"}});
    ASSERT_THAT(loaded.recipes, SizeIs(1));
    EXPECT_EQ(loaded.recipes[0].facts.name, "web-y");
    EXPECT_EQ(loaded.recipes[0].facts.overrides[0]["key"], "matrix.third");
    EXPECT_THROW(
        family.load("extends: middle\nname: web\nmatrix: {third: [x, y]}\n", {{"matrix.third", "z"}}), Error);
}

TEST(GrownRecipe, faults_point_into_the_file_the_value_came_from) {
    const Family family;
    family.write("base.recipe",
                 "name: base\nos: debian13\nstages:\n  - one: {txet: a}\n  - two:\n      count: ${n}\n");
    const auto found = texts(family.load("extends: middle\nname: web\nvars:\n  n: many\n").diagnostics);
    EXPECT_THAT(found, Contains(AllOf(HasSubstr("base.recipe:4:11"), HasSubstr("did you mean 'text'?"))));
    EXPECT_THAT(found, Contains(AllOf(HasSubstr("child.recipe:4:6"), HasSubstr("must be a whole number"))));
    const auto unknown = texts(family.load("extends: middle\nname: web\n").diagnostics);
    EXPECT_THAT(unknown, Contains(AllOf(HasSubstr("base.recipe:6:14"), HasSubstr("unknown variable 'n'"))));
}

TEST(GrownRecipe, variables_of_a_file_win_over_the_recipe_and_set_wins_over_both) {
    const Family family;
    family.write("vars.yaml", "first: from-file\nsecond: from-file\n");
    family.write("child.recipe", "extends: middle\nname: web\n");
    RecipeRules rules = family.shop.rules();
    rules.variables = {family.shop.home / "vars.yaml"};
    const LoadedRecipe loaded =
        load_recipe(family.shop.home / "child.recipe", rules, {{"vars.second", "from-set"}});
    ASSERT_TRUE(loaded.recipe) << loaded.diagnostics.text();
    EXPECT_EQ(loaded.recipe->stages[0].options["text"], "from-file");
    EXPECT_EQ(loaded.recipe->stages[1].options["text"], "from-set");
}

TEST(GrownRecipe, a_secret_is_refused_on_the_command_line_and_where_no_guest_is_written) {
    const Family family;
    EXPECT_THROW(family.load("extends: middle\nname: web\n", {{"vars.token", "hunter2"}}), Error);
    EXPECT_THROW(family.load("extends: middle\nname: web\n", {{"secrets.token", "hunter2"}}), Error);
    // In a map, in a list, below a key that says it, and beside a source.
    for (const auto& [key, value] :
         {std::pair("stages.two", "{password: x}"),
          std::pair("stages.two", "{text: a, users: [{name: ann, passwd: hunter2}]}"),
          std::pair("stages.two.password.ann", "hunter2"), std::pair("stages.two.password", "{ann: hunter2}"),
          std::pair("vars", "{api_token: 1234}"), std::pair("secrets", "{token: hunter2}"),
          std::pair("secrets.token", "{file: a, value: hunter2}")}) {
        try {
            family.load("extends: middle\nname: web\n", {{key, value}});
            FAIL() << key << "=" << value;
        } catch (const Error& error) {
            EXPECT_THAT(error.message(), HasSubstr("a secret is not given on the command line")) << value;
            EXPECT_THAT(error.describe(), testing::Not(HasSubstr("hunter2")));
        }
    }
    for (const auto& [key, value] :
         {std::pair("secrets.token", "{file: token.txt}"), std::pair("vars.token", "${secrets.t}"),
          std::pair("secrets", "{t: {env: T}}"), std::pair("stages.two", "{text: plain}")}) {
        EXPECT_NO_THROW(family.load("extends: middle\nname: web\nsecrets: {t: {env: T}}\n", {{key, value}}))
            << value;
    }
    const auto found = texts(
        family.load("extends: middle\nname: web\nsecrets: {t: {env: T}}\nvars: {first: \"${secrets.t}\"}\n")
            .diagnostics);
    EXPECT_THAT(found, Contains(HasSubstr("the secret 't' cannot be used here")));
}

TEST(GrownRecipe, a_comment_and_an_unused_variable_rerun_nothing) {
    const Family family;
    LoadedRecipes loaded = family.load("extends: middle\nname: web\n");
    build(loaded.recipes.front(), {}, family.shop.host());
    LoadedRecipes again =
        family.load("# a comment\nextends: middle\nname: web\nx-free: 1\nvars: {unused: 2}\n");
    EXPECT_THAT(running(plan_build(again.recipes.front(), {}, family.shop.host())), IsEmpty());
}

RC_GTEST_PROP(GrownRecipeProperty, a_changed_variable_reruns_only_what_uses_it_and_what_follows, ()) {
    static const std::vector<std::pair<std::string, std::string>> first_user = {
        {"first", "one"}, {"second", "two"}, {"third", "three"}, {"unused", ""}};
    const Family family;
    LoadedRecipes loaded = family.load("extends: middle\nname: web\n");
    build(loaded.recipes.front(), {}, family.shop.host());
    const auto& [variable, user] = *rc::gen::elementOf(first_user);
    const int value = *rc::gen::inRange(100, 999);
    LoadedRecipes changed =
        family.load("extends: middle\nname: web\nvars: {" + variable + ": v" + std::to_string(value) + "}\n");
    const std::vector<std::string> order = {"one", "two", "three", "four"};
    const auto from = std::find(order.begin(), order.end(), user);
    const std::vector<std::string> expected(from, order.end());
    RC_ASSERT(running(plan_build(changed.recipes.front(), {}, family.shop.host())) == expected);
}

}  // namespace
}  // namespace imgforge::engine::test
