// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/medium.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/text.hpp"
#include "builder/install/media_create.hpp"
#include "pipelines/stages/medium_source.hpp"

namespace imgforge::stages {

namespace {

install::MediaRequest archive_request(const engine::InstallerSource& installer,
                                      const std::vector<std::string>& packages) {
    install::MediaRequest request{.suite = installer.archive};
    request.packages = installer.packages;
    request.packages.insert(request.packages.end(), packages.begin(), packages.end());
    std::sort(request.packages.begin(), request.packages.end());
    request.packages.erase(std::unique(request.packages.begin(), request.packages.end()),
                           request.packages.end());
    return request;
}

std::filesystem::path local_path(const engine::RecipeFacts& recipe, const std::string& iso) {
    constexpr std::string_view scheme = "file://";
    const std::filesystem::path path = iso.starts_with(scheme) ? iso.substr(scheme.size()) : iso;
    return path.is_absolute() ? path : recipe.folder / path;
}

bool remote(const std::string& iso) {
    return iso.find("://") != std::string::npos && !iso.starts_with("file://");
}

}  // namespace

Medium obtain_medium(const engine::StageTask& task, const std::vector<std::string>& packages) {
    const engine::RecipeFacts& recipe = *task.recipe;
    const engine::InstallerSource installer = installer_of(recipe);
    if (!installer.archive.empty()) {
        const install::MadeMedium made =
            install::create_media(archive_request(installer, packages), task.host->places,
                                  *task.host->processes, *task.host->monitor, task.activity);
        return {.iso = made.iso,
                .sha256 = made.sha256,
                .verified_by = "signature of the archive",
                .notes = made.notes};
    }
    const auto fetched = task.input.files.find("medium");
    const std::string iso = installer.iso;
    const bool verified = !installer.checksums.empty() || !installer.signature.empty();
    if (fetched == task.input.files.end() && (remote(iso) || verified)) {
        const std::optional<fetch::Medium> downloaded = recipe_medium(task);
        return {.iso = downloaded.value().path,
                .sha256 = downloaded->sha256,
                .verified_by = downloaded->verified_by};
    }
    Medium medium{.iso = fetched != task.input.files.end() ? fetched->second : local_path(recipe, iso)};
    if (iso.empty() && fetched == task.input.files.end()) {
        throw Error(Failure::recipe,
                    recipe.os.empty() ? "the recipe names neither an installer ISO nor a "
                                        "distribution"
                                      : fmt::format("no official installer ISO of {} is known", recipe.os),
                    "set installer.iso, or --set installer.iso=FILE");
    }
    if (!std::filesystem::exists(medium.iso)) {
        throw Error(Failure::recipe, fmt::format("installer ISO {} does not exist", medium.iso.string()),
                    "set installer.iso, or --set installer.iso=FILE");
    }
    medium.sha256 = recipe.digest_of ? recipe.digest_of(medium.iso) : sha256_file(medium.iso);
    const std::string wanted = lower_case(installer.sha256);
    if (!wanted.empty() && wanted != medium.sha256) {
        throw Error(
            Failure::integrity,
            fmt::format("{} has SHA-256 {}, the recipe wants {}", medium.iso.string(), medium.sha256, wanted),
            "download it again, or correct installer.sha256");
    }
    if (fetched != task.input.files.end() && task.input.facts.medium) {
        medium.verified_by = task.input.facts.medium->verified_by;
    } else if (!wanted.empty()) {
        medium.verified_by = "sha256";
    }
    return medium;
}

std::vector<engine::Ingredient> medium_ingredients(const engine::RecipeFacts& recipe,
                                                   const std::vector<std::string>& packages) {
    const engine::InstallerSource installer = installer_of(recipe);
    if (!installer.archive.empty()) {
        return {{.name = "medium from archive",
                 .value = install::request_digest(archive_request(installer, packages))}};
    }
    const std::string wanted = lower_case(installer.sha256);
    if (!wanted.empty()) {
        return {{.name = "medium", .value = wanted}};
    }
    const std::string iso = installer.iso;
    if (remote(iso)) {
        return {{.name = "medium", .value = fetch::without_credentials(iso)}};
    }
    return {engine::file_ingredient("medium", local_path(recipe, iso), recipe)};
}

}  // namespace imgforge::stages
