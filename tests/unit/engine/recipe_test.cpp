// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/recipe.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json_schema.hpp"
#include "tests/unit/engine/fake_stage.hpp"

namespace imgforge::engine::test {
namespace {

std::vector<std::string> faults(const std::string& text, const std::vector<Override>& overrides = {}) {
    const Workshop shop;
    const LoadedRecipe loaded = parse_recipe(text, "x.recipe", shop.rules(), overrides);
    std::vector<std::string> lines;
    for (const Diagnostic& fault : loaded.diagnostics.list()) {
        lines.push_back(to_text(fault));
    }
    return lines;
}

TEST(Recipe, tells_five_faults_at_once_with_their_places) {
    const std::vector<std::string> found = faults(R"(name: My Image
os: debian31
stages:
  - one: {txet: base}
  - two: {count: "many"}
  - tree: {}
)");
    ASSERT_THAT(found, SizeIs(5));
    EXPECT_THAT(found[0], HasSubstr("x.recipe:1:7: 'name' must be small letters"));
    EXPECT_THAT(found[1], HasSubstr("x.recipe:2:5: 'os' must be one of debian12, debian13, rocky9"));
    EXPECT_THAT(found[1], HasSubstr("did you mean 'debian13'?"));
    EXPECT_THAT(found[2], HasSubstr("x.recipe:4:11: unknown key 'txet' in 'one' (did you mean 'text'?)"));
    EXPECT_THAT(found[3], HasSubstr("x.recipe:5:18: 'count' must be a whole number, not the text 'many'"));
    EXPECT_THAT(found[4], HasSubstr("x.recipe:6:5: unknown stage type 'tree' (did you mean 'three'?)"));
}

TEST(Recipe, missing_keys_ranges_and_choices_are_faults) {
    EXPECT_THAT(faults("name: a\n"), testing::Contains(HasSubstr("'stages' is missing")));
    EXPECT_THAT(faults("name: a\nos: rocky9\nstages: [{one: {count: 10}}]\n"),
                ElementsAre(HasSubstr("between 1 and 9")));
    EXPECT_THAT(faults("name: a\nos: rocky9\nstages: [{one: {mode: fats}}]\n"),
                ElementsAre(HasSubstr("did you mean 'fast'?")));
    EXPECT_THAT(faults("name: a\nos: rocky9\nstages: []\n"),
                ElementsAre(HasSubstr("'stages' must not be empty")));
    EXPECT_THAT(faults("name: a\nos: rocky9\nstages: [{one: {}, two: {}}]\n"),
                ElementsAre(HasSubstr("a stage is one")));
    std::string many = "name: a\nos: rocky9\nstages:\n";
    for (int i = 0; i < 60000; ++i) {
        many += "- one\n";
    }
    EXPECT_THAT(faults(many), ElementsAre(HasSubstr("has 60000 stages; at most 1000"))) << "and at once";
    EXPECT_THAT(faults("[]"), ElementsAre(HasSubstr("must be a map")));
    EXPECT_THAT(faults(""), ElementsAre(HasSubstr("must be a map")));
}

TEST(Recipe, a_secret_of_the_wrong_kind_is_not_repeated_in_the_fault) {
    const std::vector<std::string> found =
        faults("name: a\nos: rocky9\nstages: [{one: {password: [hunter2]}}]\n");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0], testing::Not(HasSubstr("hunter2")));
}

TEST(Recipe, the_medium_is_given_or_made_and_signatures_need_what_they_sign) {
    const std::string head = "name: a\nos: rocky9\nstages: [{one: {}}]\n";
    EXPECT_THAT(faults(head + "installer: {iso: http://x/y.iso, archive: trixie}\n"),
                ElementsAre(HasSubstr("mutually exclusive")));
    EXPECT_THAT(faults(head + "installer: {iso: http://x/y.iso, signature: http://x/s}\n"),
                ElementsAre(HasSubstr("'signature' needs 'keyring'")));
    EXPECT_THAT(faults(head + "installer: {iso: nowhere.iso}\n"), ElementsAre(HasSubstr("no such file")));
    EXPECT_THAT(faults(head + "installer: {iso: http://x/y.iso, sha256: abc}\n"),
                ElementsAre(HasSubstr("64 hexadecimal digits")));
}

TEST(Recipe, second_stage_of_a_type_gets_a_number_and_names_must_differ) {
    const Workshop shop;
    const Recipe recipe =
        shop.recipe_from("name: a\nos: rocky9\nstages: [{one: {}}, {one: {}}, {two: {name: last}}]\n");
    ASSERT_THAT(recipe.stages, SizeIs(3));
    EXPECT_EQ(recipe.stages[1].name, "one-2");
    EXPECT_EQ(recipe.stages[2].name, "last");
    EXPECT_FALSE(recipe.stages[2].options.contains("name"));
    EXPECT_EQ(recipe.stages[2].options["mode"], "fast");
    EXPECT_THAT(faults("name: a\nos: rocky9\nstages: [{one: {name: x}}, {two: {name: x}}]\n"),
                ElementsAre(HasSubstr("two stages are named 'x'")));
}

TEST(Override, sets_values_by_stage_name_before_validation) {
    Workshop shop;
    const Recipe recipe = shop.recipe(
        {parse_override("machine.memory=2G"), parse_override("stages.three.count=5"),
         parse_override("stages.four.packages=[a, b]"), parse_override("stages.five.text=yes=no")});
    EXPECT_EQ(recipe.facts.machine.memory, ByteSize::gib(2));
    EXPECT_EQ(recipe.stages[2].options["count"], 5);
    EXPECT_EQ(recipe.stages[3].options["packages"], Json::array({"a", "b"}));
    EXPECT_EQ(recipe.stages[4].options["text"], "yes=no");
    EXPECT_THROW(parse_override("novalue"), Error);
    EXPECT_THROW(shop.recipe({{"stages.treee.count", "1"}}), Error);
}

TEST(Override, another_medium_replaces_the_archive_and_is_relative_to_the_working_folder) {
    const Workshop shop;
    write_file_atomically(shop.home / "my.iso", "x");
    const std::string text =
        "name: a\nos: rocky9\ninstaller: {archive: trixie, packages: [vim]}\nstages: [{one: {}}]\n";
    const LoadedRecipe loaded =
        parse_recipe(text, "/elsewhere/x.recipe", shop.rules(), {{"installer.iso", "my.iso"}});
    ASSERT_TRUE(loaded.recipe) << loaded.diagnostics.text();
    EXPECT_EQ(loaded.recipe->facts.installer.iso, (shop.home / "my.iso").string());
}

TEST(Override, a_fault_in_it_is_told_at_the_option) {
    EXPECT_THAT(faults("name: a\nos: rocky9\nstages: [{one: {}}]\n", {{"stages.one.count", "x"}}),
                ElementsAre(HasSubstr("--set stages.one.count: ")));
}

TEST(HostileRecipe, is_a_clear_fault_and_never_a_hang) {
    std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
    for (char c = 'b'; c < 'k'; ++c) {
        const char p = static_cast<char>(c - 1);
        bomb += fmt::format("{0}: &{0} [*{1},*{1},*{1},*{1},*{1},*{1},*{1},*{1},*{1}]\n", c, p);
    }
    EXPECT_THAT(faults(bomb), ElementsAre(HasSubstr("more than")));
    EXPECT_THAT(faults(std::string(1U << 20U, 'k') + ": 1\n"), testing::Not(IsEmpty()));
    EXPECT_THAT(faults("name: a\nos: rocky9\nstages: [{one: {" + std::string(900, 'k') + ": 1}}]\n"),
                SizeIs(1));
    EXPECT_THAT(faults(std::string("\x7f"
                                   "ELF\0\1\2",
                                   7)),
                ElementsAre(HasSubstr("not a text file")));
    EXPECT_THAT(faults(std::string(100000, '[')), SizeIs(1));
    EXPECT_THAT(faults("name: \"" + std::string(2U << 20U, 'x') + "\"\nos: rocky9\nstages: [{one: }]\n"),
                SizeIs(1));
}

TEST(FindRecipe, takes_paths_then_shipped_names_and_says_what_is_near) {
    const Workshop shop;
    std::filesystem::create_directories(shop.home / "shipped");
    write_file_atomically(shop.home / "shipped/debian13.recipe", "name: debian13\n");
    write_file_atomically(shop.home / "mine.recipe", "name: mine\n");
    const auto shipped = shop.home / "shipped";

    EXPECT_EQ(find_recipe((shop.home / "mine").string(), shipped), shop.home / "mine.recipe");
    EXPECT_EQ(find_recipe("debian13", shipped), shipped / "debian13.recipe");
    EXPECT_EQ(find_recipe("debian13.recipe", shipped), shipped / "debian13.recipe");
    try {
        find_recipe("debain13", shipped);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::usage);
        EXPECT_THAT(error.what(), HasSubstr("did you mean 'debian13'?"));
    }
    std::filesystem::create_symlink("loop.recipe", shop.home / "loop.recipe");
    EXPECT_THROW(find_recipe((shop.home / "loop.recipe").string(), shipped), Error);
}

// Changing any option of any stage changes exactly the fingerprints from that stage on, and reruns exactly
// those.
TEST(ChangedOption, reruns_exactly_the_stages_downstream) {
    Workshop shop;
    shop.build();
    const std::vector<std::string> order = {"one", "two", "three", "four", "five", "six", "publish", "seven"};
    const std::vector<Override> changes = {
        {"text", "other"}, {"count", "7"}, {"mode", "slow"}, {"packages", "[vim]"}, {"password", "s3cret"}};
    const std::vector<PlannedStage> before = shop.plan();
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (const Override& change : changes) {
            SCOPED_TRACE(order[i] + "." + change.key);
            // A secret is refused by --set, so the recipe has it; what counts is that its change is noticed.
            const bool secret = change.key == "password";
            const std::map<std::string, std::string> usual = shop.written;
            std::vector<Override> set;
            if (secret) {
                shop.written[order[i]] =
                    (order[i] == "three" ? "{count: 2, password: " : "{password: ") + change.value + "}";
            } else {
                set.push_back({"stages." + order[i] + "." + change.key, change.value});
            }
            const std::vector<PlannedStage> plan = shop.plan({}, set);
            shop.written = usual;
            EXPECT_EQ(running(plan),
                      std::vector<std::string>(order.begin() + static_cast<std::ptrdiff_t>(i), order.end()));
            EXPECT_THAT(plan[i].reason, HasSubstr("option '" + change.key + "'"));
            EXPECT_THAT(plan[i].reason, testing::Not(HasSubstr("s3cret")));
            for (std::size_t k = 0; k < plan.size(); ++k) {
                EXPECT_EQ(plan[k].fingerprint == before[k].fingerprint, k < i);
            }
        }
    }
}

TEST(Fingerprint, leaves_names_and_written_defaults_out_and_counts_file_contents) {
    Workshop shop;
    write_file_atomically(shop.home / "a.cfg", "line 1\nline 2\n");
    const auto print = [&](const std::string& stages) {
        return identify(shop.recipe_from("name: x\nos: rocky9\nstages: [" + stages + "]\n"))[0].fingerprint;
    };
    EXPECT_EQ(print("{one: {}}"), print("{one: {name: first, text: plain, mode: fast}}"));
    const std::string with_file = print("{one: {file: a.cfg}}");
    std::filesystem::rename(shop.home / "a.cfg", shop.home / "b.cfg");
    EXPECT_EQ(with_file, print("{one: {file: b.cfg}}"));
    const auto before =
        identify(shop.recipe_from("name: x\nos: rocky9\nstages: [{one: {file: b.cfg}}]\n"))[0];
    write_file_atomically(shop.home / "b.cfg", "line 1\nline two\n");
    const auto after = identify(shop.recipe_from("name: x\nos: rocky9\nstages: [{one: {file: b.cfg}}]\n"))[0];
    const std::vector<Difference> found = differences(before.ingredients, after.ingredients);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].text, "b.cfg line 2 changed");
    EXPECT_EQ(found[0].kind, Ingredient::Kind::file);
}

TEST(RecipeSchema, uses_only_keywords_that_are_checked) {
    const Workshop shop;
    const std::function<void(const Json&, bool)> walk = [&](const Json& schema, bool names) {
        if (!schema.is_object()) {
            return;
        }
        for (const auto& item : schema.items()) {
            if (!names) {
                EXPECT_EQ(known_schema_keywords().count(item.key()), 1U) << item.key();
            }
            if (item.key() != "default" && item.key() != "enum") {
                walk(item.value(),
                     !names && (item.key() == "properties" || item.key() == "patternProperties"));
            }
        }
    };
    walk(recipe_schema(shop.rules().types), false);
}

}  // namespace
}  // namespace imgforge::engine::test
