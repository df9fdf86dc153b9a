// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::catalog {

/// One official image for one architecture.
struct CatalogImage {
    std::string name;               ///< what the user writes; also the golden image it becomes
    std::string os;                 ///< a row of templates/distributions
    std::string version;            ///< "12", "24.04"
    std::string arch;               ///< as its publisher writes it: amd64, x86_64, arm64, aarch64
    std::string url;                ///< http(s) URL or a local path
    std::string format;             ///< of the disk inside, after unpacking: "qcow2", "raw"
    std::string sha256;             ///< fixed digest; usually empty, since publishers replace the file
    std::string checksums{};        ///< URL or path of the checksum file
    std::string signature{};        ///< of the checksum file, or of the image without a checksum file
    std::string keyring{};          ///< path; see find_keyring()
    std::string keyring_package{};  ///< Debian package or place that has it, for the error message
    std::string fingerprint{};      ///< the only key that counts; empty: any of the keyring

    /// "signature", "checksum" or "none".
    std::string_view verify() const;
};

/// What a file name says of an image.
struct Recognition {
    std::string os;
    std::string format;  ///< empty: the name's extension says it
};

/// The rows of all directories. Immutable after load().
class Catalog {
public:
    /// Reads *.yaml of each directory in order of their names; missing directories are fine. Throws
    /// Failure::recipe with every error, file and line.
    static Catalog load(const std::vector<std::filesystem::path>& folders);

    /// Sorted by name, then architecture.
    const std::vector<CatalogImage>& images() const { return images_; }
    /// The image of that name for `arch` in either spelling (amd64 = x86_64, arm64 = aarch64; empty: this
    /// host's). Nothing for an unknown name; Failure::usage when the name is not there for that architecture.
    std::optional<CatalogImage> find(std::string_view name, std::string_view arch = {}) const;
    std::vector<std::string> names() const;
    /// By the name of a file, without directories; nothing when no pattern matches.
    std::optional<Recognition> recognise(const std::string& file_name) const;

private:
    struct Pattern {
        std::regex match;
        Recognition says;
    };
    std::vector<CatalogImage> images_;
    std::vector<Pattern> patterns_;
};

/// templates/catalog, /etc/imgforge/catalog.d and the user's, in that order.
std::vector<std::filesystem::path> catalog_folders();

/// The two spellings of an architecture are one: "x86_64" for amd64, "aarch64" for arm64, others unchanged.
std::string_view plain_arch(std::string_view arch);
/// The architecture that a file name mentions, as written there; empty when none.
std::string arch_in_name(std::string_view file_name);

/// The keyring as the row names it, else one of the same file name in /etc/imgforge/keyrings or the user's
/// ~/.config/imgforge/keyrings. Throws Failure::host naming the package when there is none.
std::filesystem::path find_keyring(const CatalogImage& image);

}  // namespace imgforge::catalog
