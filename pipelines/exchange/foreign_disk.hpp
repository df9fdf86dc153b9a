// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "builder/base/byte_size.hpp"
#include "builder/base/process.hpp"
#include "builder/image/disk_format.hpp"

namespace imgforge::exchange {

/// A disk from outside that passed every check.
struct ForeignDisk {
    image::DiskFormat format = image::DiskFormat::raw;
    ByteSize virtual_size{};
    bool plain = false;  ///< a qcow2 that can be taken as it is: no snapshots, no bitmaps, not dirty
};

/// Checks an image of unknown origin before anything is made of it. `name` is the file's name as its
/// publisher or the user wrote it, without compression endings; `stated` is the format that the user or a
/// catalogue row says. Without it the name's extension and the first bytes must agree, and a name such as
/// .img, which says nothing, counts as raw only: a guest can write a qcow2 header to the start of its own raw
/// disk. Throws Failure::integrity for references to other files, encryption, damage and truncation, and for
/// a name that contradicts the bytes; Failure::recipe for what is not a disk.
ForeignDisk check_foreign_disk(ProcessRunner& runner, const std::filesystem::path& file,
                               const std::string& name, std::optional<image::DiskFormat> stated);

}  // namespace imgforge::exchange
