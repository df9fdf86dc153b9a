// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/schema_check.hpp"

#include "builder/base/file.hpp"
#include "builder/base/guest_yaml.hpp"
#include "builder/base/json.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/places.hpp"

namespace imgforge::seeds {

Diagnostics check_schema_tree(std::string_view schema, const YamlDocument& document) {
    const std::filesystem::path path = data_path(std::filesystem::path("seeds/schemas") / schema);
    const Json rules = parse_json(read_file(path), path.string());
    Diagnostics faults;
    check_schema(document, "", document.root, rules, faults,
                 {.whole = "the file", .unknown_keys_are_ignored = true, .yaml_1_1 = true});
    faults.sort();
    return faults;
}

Diagnostics check_schema_text(std::string_view schema, const std::string& text, const std::string& file) {
    Diagnostics faults;
    const auto yaml = parse_guest_yaml(text, file, faults);
    if (yaml && !faults.has_errors()) {
        faults.append(check_schema_tree(schema, yaml->document));
    }
    return faults;
}

}  // namespace imgforge::seeds
