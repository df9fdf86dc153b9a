// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "builder/cli/command.hpp"
#include "sysprep/sysprep_image.hpp"

namespace imgforge::cli {

/// The disks of one guest, as a command line names them.
struct GuestDisks {
    std::filesystem::path image;                         ///< its first disk
    std::vector<std::filesystem::path> added{};          ///< the others, in order
    std::vector<std::filesystem::path> backing_files{};  ///< files that they stand on, when a domain says so
};

/// --add: another disk of the same guest.
Option added_disk_option();

/// --add and --domain.
std::vector<Option> guest_disk_options();

/// --format, --backing-file, --passphrase-file and --root: how a guest's disks are opened.
std::vector<Option> guest_opening_options();

/// What these options, IMAGE and --output say, for a command that changes a guest's disks; with the host's
/// accelerator. Throws what named_guest() throws.
sysprep::ImageRequest image_request(const Arguments& arguments, CommandContext& context);

/// IMAGE with the disks of --add, or the writable disks of the domain of --domain (a machine of imgforge, or
/// a domain of the libvirt that --connect names). Throws Failure::usage when neither or both are given,
/// Failure::domain when the domain is unknown, has no disk in a local file, or is not shut off.
GuestDisks named_guest(const Arguments& arguments, CommandContext& context);

}  // namespace imgforge::cli
