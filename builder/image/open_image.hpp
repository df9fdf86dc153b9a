// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/disk_format.hpp"

namespace imgforge::image {

/// An image that is about to be read, with what its user said of it. This is the one way in: every command
/// and stage that reads an image it did not just write itself opens it with open_image().
struct ImageSource {
    std::filesystem::path file;
    /// As stated by the user or a record of ours. Nothing: taken from the header, which must then refer to
    /// nothing else.
    std::optional<DiskFormat> format{};
    /// Files that the user stated as the image's chain, in any order; each may be referred to.
    std::vector<std::filesystem::path> backing_files{};
    /// Directories of ours: an image that lies in one of them may refer to files in any of them.
    std::vector<std::filesystem::path> stores{};
    /// What the caller can work on; an image of another format is refused with Failure::usage.
    std::vector<DiskFormat> formats{DiskFormat::raw, DiskFormat::qcow2};
    /// Also run `qemu-img check`: for whoever writes something from the image. Off for images whose metadata
    /// was checked when they were made.
    bool check_metadata = true;
};

/// An image that may be read.
struct OpenedImage {
    std::filesystem::path file;  ///< absolute, symbolic links resolved
    DiskFormat format = DiskFormat::raw;
    ByteSize virtual_size{};
    std::vector<ChainLink> chain{};  ///< top first; only the image itself unless the chain was stated

    /// For those that read the chain again: exactly these files, no others.
    ChainPolicy policy() const;
};

/// Checks an image before anything is read or written from it, by its header alone first: qemu and the
/// appliance never see one that is refused. Throws Failure::recipe for what is not a disk image or is
/// encrypted, Failure::integrity for a reference that was not stated (backing file, data file, extents,
/// `json:` and protocol names), a cycle, a truncated or damaged image, a header that contradicts the file's
/// name. Writes nothing.
OpenedImage open_image(ProcessRunner& runner, const ImageSource& source);

}  // namespace imgforge::image
