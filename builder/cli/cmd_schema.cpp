// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/engine/editor_schema.hpp"

namespace imgforge::cli {
namespace {

int run_schema(const Arguments&, CommandContext& context) {
    const engine::RecipeRules rules = recipe_rules();
    const Json schema = engine::editor_schema(engine::recipe_schema(rules.types, rules.known_os));
    context.result(schema, pretty(schema));
    return 0;
}

}  // namespace

Command schema_command() {
    return {
        .name = "schema",
        .group = "Build",
        .summary = "print the JSON Schema of recipes",
        .description =
            "The schema is composed from the stage types of this version. Editors with a YAML "
            "language server use it to complete and check recipes; recipes name it in their "
            "first line, and it is installed next to the shipped ones as recipe.schema.json.",
        .examples = {{"imgforge schema > recipe.schema.json", "for an editor"}},
        .run = run_schema,
    };
}

}  // namespace imgforge::cli
