// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/medium_check.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
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

/// The ISO of the recipe when it is a file that is here.
std::optional<std::filesystem::path> local_iso(const engine::RecipeFacts& recipe) {
    const auto spec = medium_spec(installer_of(recipe), recipe.folder);
    std::error_code code;
    if (!spec || !std::filesystem::is_regular_file(spec->location, code)) {
        return std::nullopt;
    }
    return spec->location;
}

/// Runs a check that throws, and makes what it says a diagnostic of this place.
template <typename Check>
bool holds(const YamlDocument& document, const char* pointer, Diagnostics& diagnostics, Check&& check) {
    try {
        check();
        return true;
    } catch (const Error& error) {
        diagnostics.add(document.at(pointer, error.message(), error.hint()));
        return false;
    }
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
                                    fmt::format("cannot assemble an installer ISO of suite '{}'; "
                                                "known suites: {}",
                                                archive, fmt::join(suites, ", ")),
                                    nearest(archive, suites).value_or("")));
        return;
    }
    const std::string expected = suite_of(recipe.os);
    if (!recipe.os.empty() && expected != archive) {
        diagnostics.add(document.at(
            "/installer/archive", fmt::format("an ISO of '{}' does not install '{}'", archive, recipe.os),
            expected.empty()
                ? fmt::format("{} has no archive to assemble an ISO from: set installer.iso", recipe.os)
                : expected));
    }
}

void check_local_medium(const engine::RecipeFacts& recipe, const YamlDocument& document,
                        Diagnostics& diagnostics) {
    std::string name = recipe.os;
    if (const auto iso = local_iso(recipe)) {
        const bool fits = holds(document, "/installer/iso", diagnostics, [&] {
            const install::MediaInfo medium = install::probe_media(*iso);
            require_medium_of(recipe, medium);
            name = medium.distribution;
        });
        if (!fits) {
            return;
        }
    }
    const std::vector<std::string> rows = templates::distribution_names();
    if (std::find(rows.begin(), rows.end(), name) == rows.end()) {
        return;
    }
    const templates::Distribution& row = templates::distribution(name);
    holds(document, "/machine/memory", diagnostics, [&] { require_memory(recipe, row); });
    holds(document, "/machine/disk", diagnostics, [&] { require_disk(recipe, row); });
}

// What the block leaves out has its default there, which is Debian's.
ByteSize machine_memory(const engine::RecipeFacts& recipe, const templates::Distribution& row) {
    const ByteSize given = recipe.machine.memory;
    return given == engine::InstallMachine{}.memory ? std::max(given, row.memory_recommended) : given;
}

ByteSize machine_disk(const engine::RecipeFacts& recipe, const templates::Distribution& row) {
    const ByteSize given = recipe.machine.disk;
    return given == engine::InstallMachine{}.disk ? std::max(given, row.disk_minimum) : given;
}

void require_medium_of(const engine::RecipeFacts& recipe, const install::MediaInfo& medium) {
    if (!recipe.os.empty() && recipe.os != medium.distribution) {
        throw Error(Failure::recipe,
                    fmt::format("the ISO holds {} ({}), the recipe is for {}", medium.distribution,
                                medium.label, recipe.os),
                    "correct `os:` or the ISO");
    }
}

void require_memory(const engine::RecipeFacts& recipe, const templates::Distribution& row) {
    if (const ByteSize memory = machine_memory(recipe, row); memory < row.memory_minimum) {
        throw Error(Failure::recipe,
                    fmt::format("machine.memory is {}, the installer of {} needs at least {}", memory.text(),
                                row.name, row.memory_minimum.text()),
                    fmt::format("set machine.memory to {}", row.memory_recommended.text()));
    }
}

void require_disk(const engine::RecipeFacts& recipe, const templates::Distribution& row) {
    if (const ByteSize disk = machine_disk(recipe, row); disk < row.disk_minimum) {
        throw Error(Failure::recipe,
                    fmt::format("machine.disk is {}, {} needs at least {}", disk.text(), row.name,
                                row.disk_minimum.text()),
                    fmt::format("set machine.disk to {}", row.disk_minimum.text()));
    }
}

}  // namespace imgforge::stages
