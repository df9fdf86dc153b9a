// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/digest.hpp"

namespace imgforge::fetch {

struct Checksum {
    Hasher::Algorithm algorithm = Hasher::Algorithm::sha256;
    std::string hex;   ///< lower case
    std::string name;  ///< as listed, without directories; empty: the file holds a digest and nothing else
    bool operator==(const Checksum&) const = default;
};

/// Reads what distributions publish as SHA256SUMS, SHA512SUMS, CHECKSUM or NAME.iso.sha256: "HEX  name", "HEX
/// *name", "SHA256 (name) = HEX", a digest alone; comments, blank lines, CRLF, clear-text signature armour
/// and what else stands there are passed over. Weak digests (MD5, SHA-1) are not taken.
std::vector<Checksum> parse_checksums(std::string_view text);

/// The strongest digest listed for `name`. Throws Failure::integrity when it is listed twice with different
/// digests, or not.
Checksum checksum_for(const std::vector<Checksum>& list, const std::string& name, std::string_view source);

}  // namespace imgforge::fetch
