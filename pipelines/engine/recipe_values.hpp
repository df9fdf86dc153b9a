// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/base/strict_yaml.hpp"

namespace imgforge::engine {

/// Relative names of files that come from a recipe in another directory than `folder` are written out, so
/// that everything later may look in one place. What names a file is said by the schema (`format: path`).
void name_files_fully(YamlDocument& document, const std::filesystem::path& folder, const Json& schema);

/// A secret may stand only where the schema says that it is handed to the guest in a safe way (`x-secrets`).
void check_secret_use(const YamlDocument& document, const Json& schema, Diagnostics& diagnostics);

}  // namespace imgforge::engine
