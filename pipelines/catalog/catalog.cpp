// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/catalog/catalog.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/places.hpp"
#include "pipelines/catalog/catalog_rows.hpp"

namespace fs = std::filesystem;

namespace imgforge::catalog {
namespace {

/// Debian's and the kernel's spelling of one architecture.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> spellings{{
    {"amd64", "x86_64"},
    {"arm64", "aarch64"},
}};

std::string host_arch() {
    struct utsname info {};
    return ::uname(&info) == 0 ? std::string(info.machine) : "x86_64";
}

/// The directories beside each settings file, such as /etc/imgforge/catalog.d.
std::vector<fs::path> beside_settings(const char* name) {
    std::vector<fs::path> folders;
    for (const fs::path& file : settings_files()) {
        folders.push_back(file.parent_path() / name);
    }
    return folders;
}

bool before(const CatalogImage& a, const CatalogImage& b) {
    return std::tie(a.name, a.arch) < std::tie(b.name, b.arch);
}

}  // namespace

std::string_view CatalogImage::verify() const {
    if (!keyring.empty()) {
        return "signature";
    }
    return checksums.empty() && sha256.empty() ? "none" : "checksum";
}

Catalog Catalog::load(const std::vector<fs::path>& folders) {
    Catalog catalog;
    CatalogRows rows = read_catalog_rows(folders);
    for (CatalogImage& image : rows.images) {
        const auto same =
            std::find_if(catalog.images_.begin(), catalog.images_.end(), [&](const CatalogImage& other) {
                return other.name == image.name && plain_arch(other.arch) == plain_arch(image.arch);
            });
        if (same != catalog.images_.end()) {
            *same = std::move(image);
        } else {
            catalog.images_.push_back(std::move(image));
        }
    }
    std::sort(catalog.images_.begin(), catalog.images_.end(), before);
    for (auto& [pattern, says] : rows.patterns) {
        catalog.patterns_.push_back({std::regex(pattern), std::move(says)});
    }
    return catalog;
}

std::optional<CatalogImage> Catalog::find(std::string_view name, std::string_view arch) const {
    const std::string wanted = arch.empty() ? host_arch() : std::string(arch);
    std::vector<std::string> others;
    for (const CatalogImage& image : images_) {
        if (image.name != name) {
            continue;
        }
        if (plain_arch(image.arch) == plain_arch(wanted)) {
            return image;
        }
        others.push_back(image.arch);
    }
    if (!others.empty()) {
        throw Error(Failure::usage, fmt::format("the catalogue has no {} for {}", name, wanted),
                    fmt::format("it has it for {}: give one with --arch", fmt::join(others, ", ")));
    }
    return std::nullopt;
}

std::vector<std::string> Catalog::names() const {
    std::set<std::string> names;
    for (const CatalogImage& image : images_) {
        names.insert(image.name);
    }
    return {names.begin(), names.end()};
}

std::optional<Recognition> Catalog::recognise(const std::string& file_name) const {
    // Rows of later directories come first: an administrator's pattern is more special than ours.
    for (auto pattern = patterns_.rbegin(); pattern != patterns_.rend(); ++pattern) {
        if (std::regex_search(file_name, pattern->match)) {
            return pattern->says;
        }
    }
    return std::nullopt;
}

std::vector<fs::path> catalog_folders() {
    std::vector<fs::path> folders{data_path("templates/catalog")};
    for (fs::path& folder : beside_settings("catalog.d")) {
        folders.push_back(std::move(folder));
    }
    return folders;
}

std::string_view plain_arch(std::string_view arch) {
    for (const auto& [debian, kernel] : spellings) {
        if (arch == debian) {
            return kernel;
        }
    }
    return arch;
}

std::string arch_in_name(std::string_view file_name) {
    for (const auto& [debian, kernel] : spellings) {
        for (const std::string_view word : {debian, kernel}) {
            if (file_name.find(word) != std::string_view::npos) {
                return std::string(word);
            }
        }
    }
    return {};
}

fs::path find_keyring(const CatalogImage& image) {
    std::error_code code;
    if (fs::exists(image.keyring, code)) {
        return image.keyring;
    }
    const std::vector<fs::path> folders = beside_settings("keyrings");
    for (const fs::path& folder : folders) {
        const fs::path own = folder / fs::path(image.keyring).filename();
        if (fs::exists(own, code)) {
            return own;
        }
    }
    throw Error(
        Failure::host,
        fmt::format("the keyring {} that signs {} is not installed", image.keyring, image.name),
        fmt::format("install {}, or put the keyring into {}",
                    image.keyring_package.empty() ? "it" : image.keyring_package, folders.front().string()));
}

}  // namespace imgforge::catalog
