// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/medium_packages.hpp"

#include <fmt/format.h>

#include "builder/base/suggestion.hpp"
#include "builder/install/control_file.hpp"
#include "builder/install/cpio.hpp"

namespace imgforge::install {

namespace {

constexpr std::uint64_t index_limit = 256ULL << 20U;

/// The Packages files of a medium. Every component's directory is looked at: which there are stands in no
/// fixed place.
std::vector<PackageIndex> indexes(const image::IsoReader& medium, const std::string& suite,
                                  const std::string& arch) {
    std::vector<PackageIndex> found;
    const std::string release = "dists/" + suite;
    const auto folder = medium.stat(release);
    if (!folder || folder->kind != image::IsoEntry::Kind::directory) {
        return found;
    }
    for (const image::IsoEntry& component : medium.list(release)) {
        const std::string base = fmt::format("{}/binary-{}/Packages", component.path, arch);
        if (component.kind != image::IsoEntry::Kind::directory) {
            continue;
        }
        if (const auto packed = medium.read_if_file(base + ".gz", index_limit)) {
            found.emplace_back(decompress(*packed, index_limit));
        } else if (auto plain = medium.read_if_file(base, index_limit)) {
            found.emplace_back(*std::move(plain));
        }
    }
    return found;
}

}  // namespace

std::vector<MissingPackage> missing_packages(const image::IsoReader& medium, const std::string& suite,
                                             const std::string& arch, const std::vector<std::string>& names) {
    std::vector<MissingPackage> missing;
    const std::vector<PackageIndex> found = indexes(medium, suite, arch);
    if (found.empty()) {
        return missing;
    }
    for (const std::string& name : names) {
        bool there = false;
        for (const PackageIndex& index : found) {
            there = there || index.has(name) || !index.providers(name).empty();
        }
        if (there) {
            continue;
        }
        std::vector<std::string> known;
        for (const PackageIndex& index : found) {
            const std::vector<std::string> more = index.names();
            known.insert(known.end(), more.begin(), more.end());
        }
        missing.push_back({.name = name, .suggestion = nearest(name, known).value_or("")});
    }
    return missing;
}

}  // namespace imgforge::install
