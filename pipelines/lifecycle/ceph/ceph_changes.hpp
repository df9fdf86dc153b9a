// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::lifecycle {

// What consolidate, respawn, snapshot and clone are for a root disk in a Ceph pool. The callers
// (root_disk.hpp, snapshots.hpp, clone.hpp) hold the machine and have checked its domain.

/// Finishes or drops a root that a killed respawn_in_pool() left. True when there was one.
bool settle_in_pool(Lifecycle& lifecycle, const MachineRecord& record);

/// Flattens the clone, also while the machine runs. False when it is independent already.
bool consolidate_in_pool(Lifecycle& lifecycle, MachineRecord& record);

/// A new clone takes the disk's place. Throws Failure::integrity when the old one has snapshots and `drop`
/// does not give them up.
RespawnResult respawn_in_pool(Lifecycle& lifecycle, MachineRecord& record, const std::string& image_spec,
                              std::chrono::milliseconds timeout, const Drop& drop);

/// Present size of the root disk, and a larger one while the machine is off.
ByteSize size_in_pool(const MachineRecord& record);
void resize_in_pool(const MachineRecord& record, ByteSize size);

/// The disk alone: of a running machine as after a power cut.
void snapshot_in_pool(const MachineRecord& record, const std::string& snapshot,
                      const std::string& description);
std::vector<virt::SnapshotInfo> snapshots_in_pool(const MachineRecord& record);
/// The machine must be off.
void restore_in_pool(const MachineRecord& record, const std::string& snapshot);
void delete_snapshot_in_pool(const MachineRecord& record, const std::string& snapshot);

/// A copy of `origin`'s disk, as of `snapshot` unless that is empty, under the name of `made`; it has the
/// same parent and no snapshots.
void copy_in_pool(const MachineRecord& origin, MachineRecord& made, const std::string& snapshot);

}  // namespace imgforge::lifecycle
