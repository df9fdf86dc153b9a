// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/lock.hpp"

namespace imgforge::guest {

/// From now on this process keeps memory images of the appliance in `folder`; empty: it keeps and uses none,
/// which is how a process starts. IMGFORGE_APPLIANCE_IMAGE wins: "off", or an absolute directory.
void keep_memory_images_in(const std::filesystem::path& folder);

/// "CACHE/appliance-UID": one directory per user, because the images are private.
std::filesystem::path memory_image_folder_in(const std::filesystem::path& cache);

/// Where images are kept by the call or the variable above; nothing when none are used.
std::optional<std::filesystem::path> memory_image_folder();

/// What an image can be used for. Anything that differs needs another one.
struct MemoryImageKey {
    std::string libguestfs;   ///< version
    std::string hypervisor;   ///< path of QEMU
    std::string accelerator;  ///< "tcg" or "kvm"
    std::string host_cpu;     ///< under KVM: the guest sees the host's processor
    std::string append;       ///< kernel parameters of ours and the user's
    std::string root;         ///< root disk of the appliance, where libguestfs keeps it
    int memory_mib = 0;
    int cpus = 1;
    bool network = false;

    /// "appliance-0123456789ab", the directory's name.
    std::string name() const;
};

Json to_json(const MemoryImageKey& key);

/// Identity of a host's file: device, inode, size and digest of its first 64 KiB, where a file system has its
/// UUID; "missing" when it cannot be read. Not its time: libguestfs touches its appliance at every start.
std::string file_stamp(const std::filesystem::path& file);

/// The command line of the appliance's QEMU without what differs from start to start: sockets, the disks of
/// the guest, and what imgforge itself adds. Two machines with the same rest are the same but for the disks.
/// Pure.
std::vector<std::string> lasting_command(const std::vector<std::string>& command);

/// The files that a command line of libguestfs names: QEMU itself, kernel, initrd, the appliance's root disk.
/// Pure.
std::vector<std::filesystem::path> lasting_files(const std::vector<std::string>& command,
                                                 const std::filesystem::path& root);

/// A booted appliance without disks, frozen in FOLDER/NAME: memory, state (of the devices), root.qcow2 (what
/// it had written to its root disk), plug.raw, and image.json, which comes last.
struct MemoryImage {
    std::filesystem::path folder;
    std::optional<FileLock> held;               ///< shared
    std::vector<std::string> command;           ///< see lasting_command()
    std::map<std::string, std::string> stamps;  ///< of the files of the host it was made from

    std::filesystem::path memory() const { return folder / "memory"; }
    std::filesystem::path state() const { return folder / "state"; }
    std::filesystem::path root() const { return folder / "root.qcow2"; }
    std::filesystem::path plug() const { return folder / "plug.raw"; }

    /// The first file of the host that is another one now; nothing when all are the same.
    std::optional<std::string> changed_file() const;
};

/// The whole, undamaged image for `key`; nothing when there is none or somebody makes it just now. One that
/// is damaged, unfinished or older than a file it was made from is removed.
std::optional<MemoryImage> find_memory_image(const std::filesystem::path& folder, const MemoryImageKey& key);

/// Writes image.json of the parts that lie in `folder`; they are flushed to the disk first.
void seal_memory_image(const std::filesystem::path& folder, const MemoryImageKey& key,
                       const std::vector<std::string>& command,
                       const std::vector<std::filesystem::path>& files);

/// Removes an image that cannot be used, unless somebody makes it just now.
void drop_memory_image(const std::filesystem::path& folder, const std::string& name);

/// The lock of the image `name` in `folder`.
std::filesystem::path memory_image_lock(const std::filesystem::path& folder, const std::string& name);

/// "This host cannot do it": remembered for a key, so that nothing is tried in vain on every start.
void mark_unusable(const std::filesystem::path& folder, const MemoryImageKey& key, const std::string& reason);
std::optional<std::string> unusable_reason(const std::filesystem::path& folder, const MemoryImageKey& key);

/// One image in a folder.
struct MemoryImageEntry {
    std::string name;
    std::uint64_t bytes = 0;  ///< on disk
    bool useful = false;      ///< whole, and made from the files that are there now
};
std::vector<MemoryImageEntry> memory_images(const std::filesystem::path& folder);

/// Removes those that are not useful (not what somebody makes or starts from just now) and returns them. With
/// `dry_run` it only says.
std::vector<MemoryImageEntry> drop_useless_memory_images(const std::filesystem::path& folder, bool dry_run);

}  // namespace imgforge::guest
