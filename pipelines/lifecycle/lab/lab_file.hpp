// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/lifecycle/spawn.hpp"

namespace imgforge::lifecycle {

/// A network of a lab: libvirt's, made and removed with it.
struct LabNetwork {
    std::string name;       ///< in the file
    std::string domain;     ///< libvirt's name, "imgforge-LAB-NAME"
    bool isolated = false;  ///< no way out
    std::string subnet{};   ///< "192.168.150.0/24"; empty: chosen by the name
};

/// One machine a lab shall have.
struct LabMachine {
    std::string name;
    std::string group;                 ///< key in the file
    std::vector<std::string> needs{};  ///< groups that must be up before
    SpawnOptions options;
    Json spec;  ///< what the file says, by key, for comparing; file contents by their digest
};

/// A whole lab: a value, checked.
struct Lab {
    std::string name;
    std::vector<LabNetwork> networks{};
    std::vector<LabMachine> machines{};  ///< so ordered that what is needed comes first
};

/// Throws Failure::recipe with every error as "file:line:column: …": unknown keys, wrong types, names that
/// cannot be, needs in a circle, files that are missing.
Lab load_lab(const std::filesystem::path& file);

/// JSON Schema of a lab file.
Json lab_schema();

}  // namespace imgforge::lifecycle
