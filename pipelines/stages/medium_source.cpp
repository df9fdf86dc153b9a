// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/medium_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/digest.hpp"
#include "pipelines/fetch/keyrings.hpp"

namespace imgforge::stages {

std::optional<fetch::MediumSpec> medium_spec(const engine::InstallerSource& source,
                                             const std::filesystem::path& folder) {
    return fetch::MediumSpec::from_installer(to_json(source), folder);
}

void check_keyring(const engine::InstallerSource& block, const std::string& pointer,
                   const std::filesystem::path& folder, const YamlDocument& document,
                   Diagnostics& diagnostics) {
    const std::string& name = block.keyring;
    if (name.empty()) {
        return;
    }
    const auto row =
        fetch::is_keyring_name(name) ? fetch::keyring_rows().find(name) : fetch::keyring_rows().end();
    std::error_code code;
    if (row != fetch::keyring_rows().end()) {
        if (!row->second.installed()) {
            Diagnostic note = document.at(
                pointer + "/keyring",
                fmt::format("the keyring of {} is not installed: apt install {} (a build fails without it)",
                            row->second.publisher, row->second.package));
            note.severity = Diagnostic::Severity::warning;
            diagnostics.add(std::move(note));
        }
        return;
    }
    const auto spec = medium_spec(block, folder);
    if (spec && !std::filesystem::exists(spec->keyring, code)) {
        std::vector<std::string> known;
        for (const auto& [publisher, _] : fetch::keyring_rows()) {
            known.push_back(publisher);
        }
        diagnostics.add(document.at(
            pointer + "/keyring", fmt::format("'{}' is neither a keyring file nor a publisher; known are {}",
                                              name, fmt::join(known, ", "))));
    }
}

fetch::FetchServices fetch_services(const engine::StageTask& task) {
    return {.places = task.services->places,
            .processes = task.services->processes,
            .monitor = task.monitor,
            .activity = task.activity};
}

std::optional<fetch::Medium> recipe_medium(const engine::StageTask& task) {
    const auto spec = medium_spec(task.recipe->installer, task.recipe->folder);
    return spec ? std::optional(fetch::fetch_medium(*spec, fetch_services(task))) : std::nullopt;
}

std::vector<engine::Ingredient> medium_ingredients(const engine::RecipeFacts& recipe,
                                                   const engine::InstallerSource& installer) {
    const auto spec = medium_spec(installer, recipe.folder);
    if (!spec) {
        return engine::value_ingredients("installer", to_json(installer));
    }
    if (spec->sha256) {
        return {{.name = "medium", .value = *spec->sha256}};
    }
    if (!fetch::is_url(spec->location)) {
        // Named as a file, so that the same medium under another name is no change.
        return {engine::named_file_ingredient(spec->location, recipe)};
    }
    // Compared and shown; who may fetch it does not change what it is.
    return {{.name = "medium", .value = fetch::without_credentials(spec->location)},
            {.name = "medium checksums", .value = fetch::without_credentials(spec->checksums)}};
}

}  // namespace imgforge::stages
