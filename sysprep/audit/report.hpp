// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::sysprep::audit {

/// One leftover. Never holds the secret itself.
struct Finding {
    std::string rule;  ///< "machine-id", "needle:host-key", "secret:private-key" …
    std::string path;  ///< file in the guest ("/etc/x", "/boot/initrd!/etc/y"), else the place on the disk:
                       ///< "partition 1 (ext4)"
    std::optional<std::uint64_t> offset{};  ///< byte in the virtual disk, the image file or the guest file
    std::string layer;  ///< "structure", "content", "disk" (virtual disk, free space included) or "host-file"
    std::string detail;       ///< what is wrong, in words
    std::uint64_t count = 1;  ///< how often at this place; `offset` is the first
    bool waived = false;
    std::string reason{};       ///< of the waiver
    std::string fingerprint{};  ///< of the secret, for comparing only; not written anywhere
    std::string package{};      ///< that ships the file, changed or not; known where a waiver asks for it
    std::string sha256{};       ///< of the whole file, known where a waiver asks for it
};

/// A finding that is known and accepted. `rule`, `path` and `package` are shell patterns (* ?).
struct Waiver {
    std::string rule;
    std::string path = "*";
    std::string reason;
    bool optional = false;  ///< no warning when it covers nothing
    std::string package{};  ///< only files of this package; empty: of any or none
    std::string sha256{};   ///< only a file with this digest (hex, lower case); empty: any
};

/// Reads `audit: {waive: [{rule, path, package, sha256, reason}]}`; the schema has checked the shape.
std::vector<Waiver> waivers_from_json(const Json& list);

/// The waivers of SYSPREP.md section 4 that hold for every image (C9, C10: names with the old machine-id that
/// must stay).
const std::vector<Waiver>& standard_waivers();

struct Report {
    std::vector<Finding> findings;
    Json coverage = Json::object();  ///< what was looked at: bytes, files, rules, seconds

    bool clean() const;
    std::size_t unwaived() const;
    /// `{clean, findings:[…], coverage}`.
    Json to_json() const;
    /// For people: one line per finding, waived ones last, then one line of summary.
    std::string text() const;
};

Json to_json(const Finding& finding);
Finding finding_from_json(const Json& json);  ///< with fingerprint, as kept between the steps of one audit
Json to_private_json(const Finding& finding);

/// Same rule, layer, place and words become one finding with a count and the lowest offset.
std::vector<Finding> merge_findings(std::vector<Finding> findings);

/// Marks what a waiver covers. A secret in raw bytes that equals a waived one of a guest file is waived with
/// it: the file's blocks are the same bytes. Unused waivers of `own` are returned as warnings.
std::vector<std::string> apply_waivers(std::vector<Finding>& findings, const std::vector<Waiver>& own);

/// Shell pattern with * and ?; * also matches slashes.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace imgforge::sysprep::audit
