// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/guest_tree.hpp"
#include "sysprep/offline_session.hpp"

namespace imgforge::sysprep::audit {

/// How much of a guest is read as files.
enum class Depth {
    /// All but the programs and libraries below /usr: those are read as raw bytes of the disk, at disk speed.
    /// Chosen where file systems
    /// store plain blocks (ext, xfs, vfat).
    settings,
    /// Everything: needed where blocks are packed or encrypted (btrfs, f2fs, LUKS).
    everything,
};

/// `everything` when a file system of the guest packs or encrypts its blocks.
Depth needed_depth(const guest::Inspection& os);

/// Members of a tar of "/" to leave out, as `tar --exclude` patterns: kernel file systems, swap files, and
/// for Depth::settings /usr but for units, local software and settings.
std::vector<std::string> excluded_members(guest::GuestFs& fs, Depth depth);

/// Streams the guest's files out of the appliance once; each is searched by `scan` as it passes, and what
/// rules need is kept.
GuestTree collect_tree(OfflineSession& session, Depth depth, ContentScan& scan);

/// The same for a tar archive that is read from a file descriptor (the tests' entry; guest files as
/// "./etc/passwd").
GuestTree read_tar(int fd, ContentScan& scan);

}  // namespace imgforge::sysprep::audit
