// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/medium_check.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/suggestion.hpp"
#include "pipelines/stages/medium_source.hpp"
#include "templates/archive.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {
namespace {

/// A fetch stage with a source of its own brings the medium.
bool is_fetched(const YamlDocument& document) {
    const Json stages =
        document.root.is_object() ? document.root.value("stages", Json::array()) : Json::array();
    return std::any_of(stages.begin(), stages.end(), [](const Json& stage) {
        return stage.is_object() && stage.contains("fetch") && stage["fetch"].is_object() &&
               stage["fetch"].contains("source");
    });
}

/// Asked of the document: of a block with errors of its own the facts are empty.
bool names_no_medium(const YamlDocument& document) {
    const Json& root = document.root;
    const Json installer = root.is_object() ? root.value("installer", Json::object()) : Json::object();
    return !installer.is_object() || (!installer.contains("iso") && !installer.contains("archive"));
}

/// The suite an archive medium of the system has; empty: none is known, or the system is not.
std::string suite_of(const std::string& os) {
    const std::vector<std::string> names = templates::distribution_names();
    const bool known = std::find(names.begin(), names.end(), os) != names.end();
    return known ? templates::distribution(os).archive : std::string();
}

}  // namespace

void check_medium(const engine::RecipeFacts& recipe, const YamlDocument& document, const std::string& pointer,
                  Diagnostics& diagnostics) {
    const engine::InstallerSource installer = installer_of(recipe);
    const std::string& archive = installer.archive;
    if (archive.empty()) {
        if (installer.iso.empty() && names_no_medium(document) && !is_fetched(document)) {
            diagnostics.add(document.at(
                pointer, "nothing to install from: the recipe has no installer.iso and no installer.archive",
                "write installer: {iso: FILE-OR-URL, sha256: DIGEST}, or {archive: SUITE} for Debian", true));
        }
        return;
    }
    const std::vector<std::string> suites = templates::archive_suites();
    if (std::find(suites.begin(), suites.end(), archive) == suites.end()) {
        diagnostics.add(document.at("/installer/archive",
                                    fmt::format("no medium can be assembled of the suite '{}': known are {}",
                                                archive, fmt::join(suites, ", ")),
                                    nearest(archive, suites).value_or("")));
        return;
    }
    const std::string expected = suite_of(recipe.os);
    if (!recipe.os.empty() && expected != archive) {
        diagnostics.add(document.at(
            "/installer/archive", fmt::format("a medium of '{}' does not install '{}'", archive, recipe.os),
            expected.empty()
                ? fmt::format("{} has no archive to assemble a medium from: give installer.iso", recipe.os)
                : expected));
    }
}

}  // namespace imgforge::stages
