// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::seeds {

/// A leaf of a MIME message, decoded.
struct MimePart {
    std::string type;          ///< "text/cloud-config", in lower case; empty when none is given
    std::string name;          ///< of Content-Disposition or Content-Type; may be empty
    std::string bytes;         ///< without transfer encoding
    bool as_written = false;   ///< not encoded, so that `first_line` holds for every line
    std::string merge_type{};  ///< of Merge-Type or X-Merge-Type; may be empty
    bool damaged = false;      ///< said to be base64, and is not
    int first_line = 1;        ///< line of the message where the content begins, from 1
};

/// The leaves of a message in order, nested multiparts too (RFC 2046 section 5.1). Never throws on odd input:
/// what cannot be decoded stays as it is, and at most 64 leaves in 8 levels are looked at.
std::vector<MimePart> mime_parts(std::string_view message);

}  // namespace imgforge::seeds
