// SPDX-License-Identifier: GPL-3.0-or-later
// Our schema check exists for its messages; its verdicts must be those of a validator written by others.
// Its errors are exceptions only on request; otherwise it ends the process.
#define VALIJSON_USE_EXCEPTIONS 1  // NOLINT(cppcoreguidelines-macro-usage)
#include "builder/base/json_schema.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "builder/base/strict_yaml.hpp"
#include "builder/cli/build_support.hpp"

namespace imgforge::cli {
namespace {

using Adapter = valijson::adapters::NlohmannJsonAdapter;
using Random = std::mt19937;

/// Every value of a tree, so that one of them can be picked.
void collect(Json& value, std::vector<Json*>& all) {
    all.push_back(&value);
    for (Json& child : value) {
        if (value.is_structured()) {
            collect(child, all);
        }
    }
}

Json foreign_value(Random& random) {
    static const std::vector<Json> values = {"",
                                             "text",
                                             "no such thing",
                                             "10G",
                                             "2",
                                             -1,
                                             0,
                                             1,
                                             7.5,
                                             1e12,
                                             true,
                                             false,
                                             {},
                                             nullptr,
                                             Json::array(),
                                             Json::object(),
                                             Json::array({1, "two"}),
                                             Json{{"unknown", 1}}};
    return values.at(random() % values.size());
}

/// One change somebody might make by mistake: another value, a key more, a key less, an item twice.
void break_something(Json& root, Random& random) {
    std::vector<Json*> all;
    collect(root, all);
    Json& victim = *all[random() % all.size()];
    switch (random() % 4) {
        case 0: victim = foreign_value(random); break;
        case 1:
            if (victim.is_object()) {
                victim["unknown-key"] = foreign_value(random);
            }
            break;
        case 2:
            if (victim.is_object() && !victim.empty()) {
                victim.erase(std::next(victim.begin(), static_cast<long>(random() % victim.size())).key());
            }
            break;
        default:
            if (victim.is_array() && !victim.empty()) {
                victim.push_back(victim[random() % victim.size()]);
            }
    }
}

std::vector<Json> shipped_recipes() {
    std::vector<Json> recipes;
    for (const auto& entry : std::filesystem::directory_iterator(IMGFORGE_SOURCE_DIR "/pipelines/recipes")) {
        if (entry.path().extension() == ".recipe") {
            recipes.push_back(load_yaml(entry.path().string()).root);
        }
    }
    return recipes;
}

/// valijson 1.0 reads every value as text where the schema has a `format`, which for us is a note and decides
/// nothing.
void without_formats(Json& schema) {
    if (schema.is_object() && schema.contains("format") && schema["format"].is_string()) {
        schema.erase("format");
    }
    for (Json& child : schema) {
        if (child.is_structured()) {
            without_formats(child);
        }
    }
}

TEST(SchemaCheck, has_the_verdicts_of_valijson_on_broken_recipes) {
    const engine::RecipeRules rules = recipe_rules();
    Json json_schema = engine::recipe_schema(rules.types, rules.known_os);
    without_formats(json_schema);
    valijson::Schema schema;
    valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(Adapter(json_schema), schema);
    const std::vector<Json> recipes = shipped_recipes();
    ASSERT_GE(recipes.size(), 8U);

    Random random(20261121);
    int refused = 0;
    constexpr int rounds = 120;  // valijson compiles every pattern anew: some 50 ms each
    for (int round = 0; round < rounds; ++round) {
        Json recipe = recipes[static_cast<std::size_t>(round) % recipes.size()];
        for (unsigned long changes = random() % 3; round >= static_cast<int>(recipes.size()) && changes < 3;
             ++changes) {
            break_something(recipe, random);
        }
        Diagnostics ours;
        check_schema({.file = "x.recipe", .root = recipe}, "", recipe, json_schema, ours);
        const bool theirs = valijson::Validator().validate(schema, Adapter(recipe), nullptr);
        ASSERT_EQ(ours.empty(), theirs) << recipe.dump(1) << "\n"
                                        << (ours.empty() ? "" : to_text(ours.list().front()));
        refused += theirs ? 0 : 1;
    }
    // A schema that takes everything, or nothing, would agree with itself too.
    EXPECT_GT(refused, rounds / 4);
    EXPECT_LT(refused, rounds - static_cast<int>(recipes.size()));
}

}  // namespace
}  // namespace imgforge::cli
