// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "builder/base/byte_size.hpp"
#include "builder/image/disk_format.hpp"

namespace imgforge::image {

/// A new qcow2 overlay.
struct OverlaySpec {
    std::filesystem::path overlay;                  ///< must not exist yet
    std::filesystem::path backing;                  ///< the base as it can be opened now
    DiskFormat backing_format = DiskFormat::qcow2;  ///< raw or qcow2; stated, never probed
    /// What the header shall say, when not the absolute path: a name relative to the overlay's directory, so
    /// that a store can move.
    std::optional<std::string> backing_name{};
    /// At least the base's; nothing: the same.
    std::optional<ByteSize> virtual_size{};
    unsigned mode = 0600;
    /// fsync file and directory. Needed where a record of ours promises that the overlay survives a power
    /// cut.
    bool flush = false;
};

/// Writes the overlay: a qcow2 version 3 file with the layout of `qemu-img create` (clusters of 64 KiB), made
/// in this process in well under a millisecond where a run of qemu-img takes 6 ms. The header is written
/// last: an unfinished file is not an image. Throws Failure::tool/host from the system, Failure::domain when
/// the overlay exists, Failure::integrity for a base that is missing, damaged or larger than the size asked
/// for.
void create_overlay(const OverlaySpec& spec);

/// An empty qcow2 disk (data disks), as create_overlay without a base.
void create_empty_qcow2(const std::filesystem::path& file, ByteSize virtual_size, unsigned mode = 0600,
                        bool flush = false);

}  // namespace imgforge::image
