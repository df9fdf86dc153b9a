// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "builder/base/strict_yaml.hpp"

namespace imgforge::templates {

/// One file of templates/ as it was when this program was built.
struct PackedRow {
    std::string_view name;  ///< relative to templates/: "distributions/debian13.yaml"
    std::string_view text;
    std::string_view cbor;  ///< what load_yaml makes of the text
};

/// All of them; the source is made while imgforge is built (pack/main.cpp).
const std::vector<PackedRow>& packed_rows();

/// load_yaml of a file of templates/. Parsing YAML takes longer than most commands do, so of a file that has
/// still the very bytes it was built with the packed form is taken; that has no positions, and needs none
/// because it has no errors. Throws as load_yaml does.
YamlDocument load_row_file(const std::filesystem::path& file);

}  // namespace imgforge::templates
