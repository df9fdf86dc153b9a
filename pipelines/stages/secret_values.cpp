// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/secret_values.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/compose/secrets.hpp"

namespace imgforge::stages {

std::function<std::string(const std::string& name)> secret_values(const engine::RecipeFacts& recipe) {
    return [&recipe](const std::string& name) -> std::string {
        if (!recipe.secrets) {
            throw Error(Failure::recipe, fmt::format("the recipe has no secret '{}'", name),
                        "name its source under secrets:");
        }
        return recipe.secrets->value(name);
    };
}

}  // namespace imgforge::stages
