// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/image/disk_format.hpp"
#include "builder/image/image_lock.hpp"
#include "sysprep/offline_run.hpp"
#include "sysprep/runner.hpp"

namespace imgforge::sysprep {

/// An image a user named, to be worked on by a command outside a pipeline.
struct ImageRequest {
    std::filesystem::path image;
    std::optional<image::DiskFormat> format{};           ///< nothing: by its header, see image::open_image
    std::vector<std::filesystem::path> backing_files{};  ///< the chain, when the image has one
    std::optional<std::filesystem::path>
        output{};  ///< nothing: the image is replaced at the end, in one step
    std::filesystem::path passphrase_file{};
    std::string root_device{};
    guest::Accelerator accelerator = guest::Accelerator::tcg;
    /// The guest's other disks (`--add`), of formats that their headers tell; replaced with `image`, so not
    /// together with `output`.
    std::vector<std::filesystem::path> added{};
};

/// Checks that the image may be worked on: image::open_image accepts it, nobody writes to it,
/// and, when it is to be replaced (no output, no dry run), nobody reads it and it has no internal snapshots.
/// Returns its format.
image::DiskFormat check_image(const ImageRequest& request, ProcessRunner& processes, bool dry_run = false);

/// The other disks, checked as check_image() does.
std::vector<AddedDisk> check_added(const ImageRequest& request, ProcessRunner& processes,
                                   bool dry_run = false);

/// Holds them all while they are read: no machine may start from one.
std::vector<std::unique_ptr<image::ImageHold>> hold_disks(const ImageRequest& request);

/// Replaces the request's disks, or makes its output, of what OfflineRun::finish(overlay) left.
void write_disks(const ImageRequest& request, const std::filesystem::path& overlay, image::DiskFormat format,
                 const std::vector<AddedDisk>& added, ProcessRunner& processes, Monitor& monitor);

/// Cleans an image: one launch, then a new file without any stale cluster, which replaces the image or
/// becomes `output`. A dry run changes nothing and leaves no file.
SysprepReport sysprep_image(const ImageRequest& request, const std::vector<Operation>& operations,
                            const SysprepOptions& options, bool dry_run, ProcessRunner& processes,
                            Monitor& monitor);

/// Writes `overlay` with all its backing files as one new file of `format` at `target` as OutputFile says,
/// with the mode and owner of `like` when it exists. Nothing that was discarded or overwritten is in it.
void write_standalone(const std::filesystem::path& overlay, const std::filesystem::path& target,
                      image::DiskFormat format, const std::filesystem::path& like, ProcessRunner& processes,
                      Monitor& monitor, std::uint64_t parent_activity = 0);

}  // namespace imgforge::sysprep
