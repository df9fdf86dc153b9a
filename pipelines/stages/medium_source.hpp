// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "pipelines/engine/stage.hpp"
#include "pipelines/fetch/medium.hpp"

namespace imgforge::stages {

/// Whether the block's keyring is there: an unknown publisher or a missing file is an error, a publisher's
/// keyring that is not installed a warning that names the package (the build then fails).
void check_keyring(const engine::InstallerSource& block, const std::string& pointer,
                   const std::filesystem::path& folder, const YamlDocument& document,
                   Diagnostics& diagnostics);

/// What fetch_medium() needs, from a stage's task.
fetch::FetchServices fetch_services(const engine::StageTask& task);

/// Where the ISO comes from and what proves it; relative names are relative to `folder`. Nothing when the
/// source names no ISO.
std::optional<fetch::MediumSpec> medium_spec(const engine::InstallerSource& source,
                                             const std::filesystem::path& folder);

/// The recipe's `installer:` block; without one that names a medium, the block that stands for the official
/// medium of the row `os:`, or for one made from the archive where the row has no official one.
engine::InstallerSource installer_of(const engine::RecipeFacts& recipe);

/// The newest name in a checksums file that fits `pattern` ($1 is its version); empty when none does.
std::string newest_name(const std::string& checksums, const std::string& pattern);

/// The medium `installer: {iso: …}` names, as a verified local file. Nothing when the recipe names none.
std::optional<fetch::Medium> recipe_medium(const engine::StageTask& task);

/// What stands for a medium in a fingerprint, without a download: the digest the recipe states, else the
/// content of a local file, else its URL and where its digest is looked up.
std::vector<engine::Ingredient> medium_ingredients(const engine::RecipeFacts& recipe,
                                                   const engine::InstallerSource& installer);

}  // namespace imgforge::stages
