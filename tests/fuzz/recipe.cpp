// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_engine
#include "pipelines/engine/recipe.hpp"

#include <cstdint>
#include <cstdlib>

#include "pipelines/engine/fingerprint.hpp"

namespace {

using namespace imgforge;

/// A stage type whose schema uses every kind of rule.
class Anything final : public engine::StageType {
public:
    std::string_view name() const override { return "stage"; }
    std::string_view summary() const override { return "for fuzzing"; }
    int revision() const override { return 1; }
    const Json& schema() const override {
        static const Json schema = {
            {"type", "object"},
            {"additionalProperties", false},
            {"properties",
             {{"text", {{"type", "string"}, {"pattern", "^[a-z]+$"}, {"default", "x"}}},
              {"number", {{"type", "integer"}, {"minimum", 1}, {"maximum", 9}}},
              {"either",
               {{"anyOf", {{{"type", "string"}}, {{"type", "array"}, {"items", {{"type", "string"}}}}}}}},
              {"map",
               {{"type", "object"},
                {"additionalProperties", {{"type", "string"}}},
                {"propertyNames", {{"minLength", 2}}}}},
              {"list", {{"type", "array"}, {"uniqueItems", true}, {"maxItems", 4}}}}}};
        return schema;
    }
    engine::StageResult run(engine::StageTask&) const override { return {}; }
};

}  // namespace

// Any bytes: a recipe or diagnostics. What is accepted has a fingerprint.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Anything type;
    const engine::RecipeRules rules{.types = {&type}, .known_os = {"debian13"}, .cwd = "/"};
    const engine::LoadedRecipe loaded =
        engine::parse_recipe({reinterpret_cast<const char*>(data), size}, "/fuzz.recipe", rules);
    if (!loaded.recipe && !loaded.diagnostics.has_errors()) {
        std::abort();
    }
    if (loaded.recipe && engine::identify(*loaded.recipe).empty()) {
        std::abort();
    }
    return 0;
}
