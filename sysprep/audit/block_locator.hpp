// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "builder/image/disk_view.hpp"
#include "sysprep/offline_session.hpp"

namespace imgforge::sysprep::audit {

/// Names the guest file that holds a byte of the virtual disk, for ext2/3/4: asked of debugfs inside the
/// appliance, never on the host. Offsets in free space, journals, other file systems and LVM are left out of
/// the answer. The session must show the same disk.
std::map<std::uint64_t, std::string> locate_files(OfflineSession& session, const image::DiskView& view,
                                                  const std::vector<std::uint64_t>& offsets);

/// "Block\tInode number\n1234\t56\n…" of `debugfs icheck`.
std::map<std::uint64_t, std::uint64_t> parse_icheck(const std::string& text);
/// "Inode\tPathname\n56\t/usr/x\n…" of `debugfs ncheck`; the first name of each inode.
std::map<std::uint64_t, std::string> parse_ncheck(const std::string& text);

}  // namespace imgforge::sysprep::audit
