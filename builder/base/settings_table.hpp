// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/settings.hpp"

namespace imgforge {

/// One key of the configuration files. To add a key: one row in settings_table.cpp and one member in
/// Settings.
struct SettingRow {
    /// Where it stands: "budget.memory"; "*" is a name that the user chooses: "hosts.*.pool". A row for a map
    /// comes before the rows below it.
    const char* path;
    /// JSON Schema of the value: description, type, range, and `examples`, from which a test makes sure that
    /// the key is read. Maps need no type; their keys are the rows below.
    const char* schema;
    /// Puts a value that fits the schema into its member. `name` is what stands for the last "*". May throw
    /// Error, which is reported at the value's place. Null for rows that only describe a map.
    void (*read)(Settings& settings, const std::string& name, const Json& value) = nullptr;
};

/// All rows.
const std::vector<SettingRow>& setting_rows();

/// Those of `targets`, `signing`, `images` and `appliance`; setting_rows() has them too.
std::vector<SettingRow> image_setting_rows();

}  // namespace imgforge
