// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imgforge::guest {

/// Guest disks that an appliance from an image can have.
inline constexpr std::size_t memory_image_slots = 8;

/// Label of the disk that carries prepare_script(), and what sources it: /init of the appliance evaluates
/// the kernel parameter guestfs_channel just before it starts guestfsd (libguestfs: appliance/init), and a
/// parameter has no blanks.
inline constexpr std::string_view plug_label = "imgforge";
inline constexpr std::string_view plug_parameter =
    "guestfs_channel=/dev/virtio-ports/org.libguestfs.channel.0;.${IFS}/dev/disk/guestfs/imgforge";

/// Shell text for the appliance's /init, as a raw disk of whole blocks. It takes the disks away that
/// libguestfs had to be given, gives guestfsd names for the disks to come, and waits inside guestfsd's start
/// (in its `udevadm settle`) for the word to go on. Then, in a machine that was restored: fresh random
/// numbers, the clock, the disks in order, RAID, LVM and LDM as /init does.
std::string prepare_disk();

/// What goes on after a restore: the host's time, the number of guest disks, and 64 hex digits of noise.
std::string wake_line(double seconds, std::size_t disks, std::string_view noise);

/// Parameters for QEMU, as guestfs_config takes them: name and value.
using QemuParameters = std::vector<std::pair<std::string, std::string>>;

/// Where things of one start are.
struct MemoryImagePaths {
    std::filesystem::path memory;   ///< a file of the whole size
    std::filesystem::path root;     ///< qcow2 overlay on the appliance's root disk
    std::filesystem::path plug;     ///< see prepare_disk()
    std::filesystem::path sockets;  ///< private directory with monitor.sock and wake.sock
    int memory_mib = 0;
};

QemuParameters parameters_for_making(const MemoryImagePaths& paths);
QemuParameters parameters_for_restoring(const MemoryImagePaths& paths);

}  // namespace imgforge::guest
