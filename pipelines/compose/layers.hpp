// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge::compose {

/// A recipe and all it extends as one tree; every value knows the file it came from.
struct Layered {
    YamlDocument document;                     ///< without `extends`, `x-…` and `key+`
    std::vector<std::filesystem::path> files;  ///< the recipe first, then what it extends, the root last
};

/// Follows `extends: NAME|FILE` from `text` upwards and lays each recipe over what it extends: maps merge,
/// lists and single values replace, `key+:` appends to a list, a null takes the key away (under `vars` it is
/// a value). NAME is looked for beside the recipe that says it, then in `shipped` and its
/// examples/, with or without ".recipe".
/// A circle, a chain of more than 16 files and a file that is missing are errors at the `extends` that leads
/// there. Nothing when the recipe itself, or one it extends, cannot be read.
std::optional<Layered> layered(std::string_view text, const std::filesystem::path& file,
                               const std::filesystem::path& shipped, Diagnostics& diagnostics);

/// Names of the recipes (`*.recipe`) in these directories, without the suffix, sorted. A directory that
/// cannot be read counts as empty.
std::vector<std::string> recipe_names(const std::vector<std::filesystem::path>& directories);

/// Lays the map `upper` over `lower`, positions included.
void lay_over(YamlDocument& lower, const YamlDocument& upper, Diagnostics& diagnostics);

/// The variables of a file for --vars: a map of names, each marked with the file as its place. Throws
/// Failure::host or Failure::recipe when the file cannot be read or is not a map.
YamlDocument read_variables(const std::filesystem::path& file);

}  // namespace imgforge::compose
