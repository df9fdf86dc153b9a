// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/medium_source.hpp"

#include "builder/base/digest.hpp"

namespace imgforge::stages {

fetch::FetchServices fetch_services(const engine::StageTask& task) {
    return {.places = task.services->places,
            .processes = task.services->processes,
            .monitor = task.monitor,
            .activity = task.activity};
}

std::optional<fetch::Medium> recipe_medium(const engine::StageTask& task) {
    const auto spec = fetch::MediumSpec::from_installer(task.recipe->installer, task.recipe->folder);
    return spec ? std::optional(fetch::fetch_medium(*spec, fetch_services(task))) : std::nullopt;
}

std::vector<engine::Ingredient> medium_ingredients(const engine::RecipeFacts& recipe, const Json& installer) {
    const auto spec = fetch::MediumSpec::from_installer(installer, recipe.folder);
    if (!spec) {
        return engine::value_ingredients("installer", installer);
    }
    if (spec->sha256) {
        return {{.name = "medium", .value = *spec->sha256}};
    }
    if (!fetch::is_url(spec->location)) {
        // Named as a file, so that the same medium under another name is no change.
        return {engine::file_ingredient("file " + fetch::base_name(spec->location), spec->location, recipe)};
    }
    return {{.name = "medium", .value = spec->location},
            {.name = "medium checksums", .value = spec->checksums}};
}

}  // namespace imgforge::stages
