// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "builder/image/disk_format.hpp"
#include "pipelines/catalog/catalog.hpp"
#include "pipelines/fetch/medium.hpp"

namespace imgforge::exchange {

/// What the user said of an image that is to come in; empty: found out.
struct SourceRequest {
    std::string source;  ///< a file, a URL (oci:// too), or a name of the catalogue
    std::string name{};  ///< of the golden image
    std::string os{};
    std::string arch{};
    std::optional<image::DiskFormat> format{};
    std::optional<std::string> sha256{};
    std::string checksums{};
    std::string signature{};
    std::string keyring{};
    std::string fingerprint{};
};

/// Where an image comes from and what is known of it before it is fetched.
struct ImageSource {
    enum class Kind { file, url, catalogue, registry };
    Kind kind = Kind::file;
    std::string name;                           ///< golden image it becomes
    std::string os{};                           ///< empty: unknown; machines get generic defaults
    std::string arch{};                         ///< empty: unknown
    std::string file_name;                      ///< as its publisher wrote it, compression endings included
    std::optional<image::DiskFormat> format{};  ///< stated by the user, the catalogue or the name's pattern
    fetch::MediumSpec medium{};
};

/// True for what can only be a file or URL: it has a slash, a URL scheme, or the ending of a disk image.
/// Names of golden images and of the catalogue are none of these.
bool looks_like_location(const std::string& text);

/// A name for the golden image: the file's name in lower case without directories and endings, other
/// characters as '-'. Throws Failure::usage when nothing is left (then --name must say one).
std::string image_name_of(const std::string& location);

/// Throws Failure::usage for a name that is neither a file nor in the catalogue, with "did you mean", for
/// contradicting options, and Failure::host for a keyring that is not installed.
ImageSource resolve_source(const SourceRequest& request, const catalog::Catalog& catalog);

}  // namespace imgforge::exchange
