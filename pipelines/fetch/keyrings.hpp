// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::fetch {

/// A publisher's keyring, as pipelines/recipes/keyrings.yaml has it.
struct KeyringRow {
    std::string name;
    std::string publisher;
    std::vector<std::string> fingerprints;     ///< 40 hexadecimal digits each: the only keys that count
    std::vector<std::filesystem::path> files;  ///< where a Debian package puts it
    std::string package;                       ///< that Debian package
    std::string source;                        ///< where the publisher states the fingerprint

    /// The first of the files that exists.
    std::optional<std::filesystem::path> installed() const;
};

/// All rows by name. Throws Failure::tool for data that was damaged.
const std::map<std::string, KeyringRow>& keyring_rows();

/// True for a name of a row rather than a path: small letters, digits and dashes.
bool is_keyring_name(std::string_view text);

/// The keys of an armoured keyring (RFC 9580 section 6.2) as the binary that gpgv reads; what is binary
/// already comes back as it is. Throws Failure::recipe naming the file when it is neither.
std::string binary_keyring(std::string_view bytes, const std::filesystem::path& file);

}  // namespace imgforge::fetch
