// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace imgforge::image {

/// What the volume descriptors of an ISO 9660 image say (ECMA-119 section 8).
struct IsoVolume {
    std::string label;  ///< volume id, trailing blanks removed
    std::string publisher;
    std::string application;
    std::string
        created;  ///< "2026-11-21-00-00-00-00", the form grub and archiso search media by; empty if unset
    std::uint64_t declared_bytes = 0;  ///< size the volume claims
    std::uint64_t file_bytes = 0;      ///< size of the image file
    bool joliet = false;
    bool rock_ridge = false;
};

/// Checks an image before a library reads it: descriptors present, the file as long as the volume says, every
/// directory (of the primary and the Joliet tree) inside the file, met once and with well-formed records and
/// Rock Ridge fields whose continuation areas do not loop. Throws Failure::recipe when the file is not an ISO
/// at all, Failure::integrity when it is truncated, damaged or hostile. Source: ECMA-119, IEEE P1281 (SUSP)
/// and P1282 (RRIP).
IsoVolume check_iso_structure(const std::filesystem::path& file);

}  // namespace imgforge::image
