// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::report {

/// One generation of an image, as the site shows it. Every text may come from a guest: the pages escape it.
struct SiteGeneration {
    int number = 0;
    std::string state;     ///< candidate, current, retired or quarantined
    std::string created;   ///< ISO 8601
    std::string sha256;    ///< of the disk
    std::string reason{};  ///< why it is quarantined
    std::uint64_t stored_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::optional<std::size_t> packages{};  ///< how many; nothing when they are not known
    std::optional<double> build_seconds{};  ///< of the run that made it, when that run is still there
    std::vector<std::string> machines{};    ///< that stand on it
    std::vector<std::string> added{};       ///< packages against the generation before, "vim 9.1"
    std::vector<std::string> removed{};
    std::vector<std::string> changed{};    ///< "openssl 3.0.15-1 → 3.0.16-1"
    std::vector<std::string> documents{};  ///< files of the site below files/, such as the SBOM
};

struct SiteImage {
    std::string name;
    std::vector<SiteGeneration> generations{};  ///< oldest first
};

/// The start page: all images, their current generation, how many machines stand on which.
std::string site_index(const std::vector<SiteImage>& images, std::string_view made);

/// One image: plots of size, packages and build time over its generations, then each generation with what
/// changed in it, newest first.
std::string site_page(const SiteImage& image);

/// A site: name of a file below the site's directory -> its bytes.
using SiteFiles = std::map<std::string, std::string>;

/// Writes `files` below `directory`, each atomically, and removes pages and documents of an earlier site that
/// are not among them. Throws Failure::usage when the directory holds an index.html that is not of imgforge,
/// or is not empty and has none: nothing foreign is replaced.
void write_site(const std::filesystem::path& directory, const SiteFiles& files);

}  // namespace imgforge::report
