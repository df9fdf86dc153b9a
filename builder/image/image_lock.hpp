// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/base/fd.hpp"

namespace imgforge::image {

/// Who else has an image open, by the locks that every qemu (machines, qemu-img, appliances) keeps on it.
enum class ImageUse {
    unused,
    reading,  ///< opened read-only, or as the base of an overlay
    writing,  ///< a machine or another program writes to it
};

/// Asks the kernel for the open-file-description locks of qemu's file driver (block/file-posix.c: one byte
/// per permission at 100, per permission not shared at 200). No lock is taken. Locks of other hosts on a
/// network file system may not be seen.
ImageUse image_use(const std::filesystem::path& image);

/// Throws Failure::domain when somebody writes to the image, or with `exclusive` also when somebody reads it.
void require_unused(const std::filesystem::path& image, bool exclusive = true);

/// While alive, every qemu refuses to open the image for writing (and with `exclusive` at all), as if a qemu
/// of ours had it open.
class ImageHold {
public:
    /// Throws Failure::domain when the image is in use in a way that contradicts.
    explicit ImageHold(const std::filesystem::path& image, bool exclusive = false);

private:
    Fd fd_;
};

}  // namespace imgforge::image
