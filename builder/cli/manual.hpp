// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/cli/command.hpp"

namespace imgforge::cli {

/// Manual pages in man(7) macros by file name: "imgforge.1" and one per command, "imgforge-images-list.1".
/// All text comes from the command records, so that it cannot drift from what the program does.
std::map<std::string, std::string> manual_pages(const std::vector<Command>& commands);

/// imgforge.recipe(5), made from the JSON Schema of recipes (`imgforge schema`) for the same reason.
std::string recipe_page(const Json& schema);

/// imgforge.config(5), made from settings_schema().
std::string settings_page(const Json& schema);

/// imgforge.lab(5), from the schema of lab files.
std::string lab_page(const Json& schema);

/// config.yaml with every key of settings_schema() explained and commented out, as a package installs it.
std::string settings_file(const Json& schema);

/// Text for troff: backslashes, leading dots and quotes would be commands; a plain "-" would become a hyphen.
std::string troff_escape(std::string_view text);

}  // namespace imgforge::cli
