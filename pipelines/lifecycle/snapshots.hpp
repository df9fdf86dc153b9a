// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Takes a snapshot of all disks, and of the memory when the machine runs; they lie in the root disk. An
/// empty name is chosen ("s1", "s2", …). Returns the name. Throws Failure::domain when the name is taken or
/// libvirt cannot (UEFI machines), Failure::integrity when the domain is on another root disk.
std::string take_snapshot(Lifecycle& lifecycle, std::string_view name, std::string snapshot,
                          const std::string& description);

/// Oldest first, those of other tools included.
std::vector<virt::SnapshotInfo> list_snapshots(Lifecycle& lifecycle, std::string_view name);

/// Disks, and memory where the snapshot holds it, as they were. What `set` and other tools changed in the
/// definition since then stays. A machine that ran runs again afterwards. Throws Failure::integrity for
/// external snapshots and for saved memory that `drop` does not give up.
void restore_snapshot(Lifecycle& lifecycle, std::string_view name, const std::string& snapshot,
                      const Drop& drop);

/// Its disk state is given up; the machine stays as it is.
void delete_snapshot(Lifecycle& lifecycle, std::string_view name, const std::string& snapshot);

}  // namespace imgforge::lifecycle
