// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/medium_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/fetch/checksum_file.hpp"
#include "pipelines/fetch/download.hpp"
#include "pipelines/fetch/keyrings.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {

namespace {

constexpr std::uint64_t checksums_limit = 16ULL << 20U;

bool names_medium(const engine::InstallerSource& installer) {
    return !installer.iso.empty() || !installer.archive.empty();
}

/// The row of the recipe that names no medium; none for an `os` that is unknown, which the recipe's check
/// reports.
const templates::Distribution* row_of(const engine::RecipeFacts& recipe) {
    if (recipe.os.empty() || names_medium(recipe.installer)) {
        return nullptr;
    }
    const std::vector<std::string> names = templates::distribution_names();
    return std::find(names.begin(), names.end(), recipe.os) == names.end()
               ? nullptr
               : &templates::distribution(recipe.os);
}

const templates::OfficialMedium* official(const engine::RecipeFacts& recipe) {
    const templates::Distribution* const row = row_of(recipe);
    return row == nullptr || row->media.empty() ? nullptr : &row->media.front();
}

/// The publisher whose keyring that file is; the file itself where none of the known ones has it.
std::string keyring_of(const std::string& file) {
    for (const auto& [name, row] : fetch::keyring_rows()) {
        if (std::find(row.files.begin(), row.files.end(), file) != row.files.end()) {
            return name;
        }
    }
    return std::filesystem::exists(file) ? file : std::string();
}

/// "24.04.10" after "24.04.9": by its numbers.
std::vector<int> numbers_of(const std::string& version) {
    static const std::regex number("[0-9]{1,8}");
    std::vector<int> numbers;
    for (std::sregex_iterator it(version.begin(), version.end(), number), end; it != end; ++it) {
        numbers.push_back(std::stoi(it->str()));
    }
    return numbers;
}

/// The publisher's newest file in place of the one the row was written with.
fetch::MediumSpec newest_of(fetch::MediumSpec spec, const std::string& pattern,
                            const engine::StageTask& task) {
    const std::filesystem::path list = task.scratch / "checksums";
    fetch::download(spec.checksums, list, [](std::uint64_t, std::uint64_t) {});
    const std::string name = newest_name(read_file(list, checksums_limit), pattern);
    remove_tree(list);
    remove_tree(list.string() + ".meta");
    if (name.empty()) {
        throw Error(Failure::tool, fmt::format("{} lists no ISO of {}", spec.checksums, task.recipe->os),
                    "name one with installer.iso");
    }
    spec.location = spec.location.substr(0, spec.location.rfind('/') + 1) + name;
    return spec;
}

}  // namespace

engine::InstallerSource installer_of(const engine::RecipeFacts& recipe) {
    engine::InstallerSource source = recipe.installer;
    if (const templates::OfficialMedium* const medium = official(recipe)) {
        source.iso = medium->url;
        source.checksums = medium->checksums;
        source.keyring = medium->signature.empty() ? std::string() : keyring_of(medium->keyring);
        source.signature = source.keyring.empty() ? std::string() : medium->signature;
    } else if (const templates::Distribution* const row = row_of(recipe); row != nullptr) {
        source.archive = row->archive;
    }
    return source;
}

std::string newest_name(const std::string& checksums, const std::string& pattern) {
    const std::regex wanted(pattern);
    std::string newest;
    std::vector<int> version;
    for (const fetch::Checksum& sum : fetch::parse_checksums(checksums)) {
        std::smatch parts;
        if (!std::regex_match(sum.name, parts, wanted)) {
            continue;
        }
        std::vector<int> own = numbers_of(parts.size() > 1 ? parts[1].str() : sum.name);
        if (newest.empty() || own > version) {
            newest = sum.name;
            version = std::move(own);
        }
    }
    return newest;
}

std::optional<fetch::MediumSpec> medium_spec(const engine::InstallerSource& source,
                                             const std::filesystem::path& folder) {
    return fetch::MediumSpec::from_installer(to_json(source), folder);
}

void check_keyring(const engine::InstallerSource& block, const std::string& pointer,
                   const std::filesystem::path& folder, const YamlDocument& document,
                   Diagnostics& diagnostics) {
    const std::string& name = block.keyring;
    if (name.empty()) {
        return;
    }
    const auto row =
        fetch::is_keyring_name(name) ? fetch::keyring_rows().find(name) : fetch::keyring_rows().end();
    std::error_code code;
    if (row != fetch::keyring_rows().end()) {
        if (!row->second.installed()) {
            Diagnostic note = document.at(
                pointer + "/keyring",
                fmt::format("the keyring of {} is not installed: apt install {} (a build fails without it)",
                            row->second.publisher, row->second.package));
            note.severity = Diagnostic::Severity::warning;
            diagnostics.add(std::move(note));
        }
        return;
    }
    const auto spec = medium_spec(block, folder);
    if (spec && !std::filesystem::exists(spec->keyring, code)) {
        std::vector<std::string> known;
        for (const auto& [publisher, _] : fetch::keyring_rows()) {
            known.push_back(publisher);
        }
        diagnostics.add(document.at(
            pointer + "/keyring", fmt::format("'{}' is neither a keyring file nor a publisher; known are {}",
                                              name, fmt::join(known, ", "))));
    }
}

fetch::FetchServices fetch_services(const engine::StageTask& task) {
    return {.places = task.host->places,
            .processes = task.host->processes,
            .monitor = task.host->monitor,
            .activity = task.activity};
}

std::optional<fetch::Medium> recipe_medium(const engine::StageTask& task) {
    auto spec = medium_spec(installer_of(*task.recipe), task.recipe->folder);
    if (!spec) {
        return std::nullopt;
    }
    const templates::OfficialMedium* const medium = official(*task.recipe);
    if (medium != nullptr && !medium->newest.empty()) {
        spec = newest_of(*std::move(spec), medium->newest, task);
    }
    return fetch::fetch_medium(*spec, fetch_services(task));
}

std::vector<engine::Ingredient> medium_ingredients(const engine::RecipeFacts& recipe,
                                                   const engine::InstallerSource& installer) {
    const auto spec = medium_spec(installer, recipe.folder);
    if (!spec) {
        return engine::value_ingredients("installer", to_json(installer));
    }
    if (spec->sha256) {
        return {{.name = "medium", .value = *spec->sha256}};
    }
    if (!fetch::is_url(spec->location)) {
        // Named as a file, so that the same medium under another name is not a change.
        return {engine::named_file_ingredient(spec->location, recipe)};
    }
    // Compared and shown; who may fetch it does not change what it is.
    return {{.name = "medium", .value = fetch::without_credentials(spec->location)},
            {.name = "medium checksums", .value = fetch::without_credentials(spec->checksums)}};
}

}  // namespace imgforge::stages
