// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/packed_rows.hpp"

#include <algorithm>
#include <string>

#include "builder/base/file.hpp"

namespace imgforge::templates {

YamlDocument load_row_file(const std::filesystem::path& file) {
    const std::string path = file.string();
    const std::string text = read_file(file, YamlLimits{}.bytes);
    const std::vector<PackedRow>& rows = packed_rows();
    const auto packed = std::find_if(rows.begin(), rows.end(), [&](const PackedRow& row) {
        return path.ends_with(row.name) && row.text == text;
    });
    if (packed != rows.end())
        return {.file = path, .root = Json::from_cbor(packed->cbor), .positions = {}};
    Diagnostics diagnostics;
    std::optional<YamlDocument> document = parse_yaml(text, path, diagnostics);
    diagnostics.throw_if_errors();
    return std::move(document).value();
}

}  // namespace imgforge::templates
