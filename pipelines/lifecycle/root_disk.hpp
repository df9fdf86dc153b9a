// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Flattens the root disk, so that it no longer depends on the golden image. A machine that is shut off gets
/// a new file, which replaces the old one by rename; for a running one libvirt pulls the image into the
/// overlay while the guest continues. False when there was nothing to do.
bool consolidate_machine(Lifecycle& lifecycle, std::string_view name, const Drop& drop = {});

/// New root on the current generation (or `image_spec`'s); MACs, addresses, host keys, instance-id and data
/// disks stay. A running machine is stopped politely within `timeout` first and started again afterwards.
/// The old root is gone afterwards.
struct RespawnResult {
    int from = 0;
    int to = 0;
    bool was_running = false;
};
RespawnResult respawn_machine(Lifecycle& lifecycle, std::string_view name, const std::string& image_spec,
                              std::chrono::milliseconds timeout, const Drop& drop = {});

/// Finishes or undoes a change of the root disk that a killed command left half done. True when there was
/// one.
bool settle_root_disk(Lifecycle& lifecycle, MachineRecord& record);

// What all changes of a root disk have in common, wherever the disk is.

/// Holds the generation that the disk stands on: none for an independent disk, and none for a generation that
/// only a pool has.
void add_reference(store::Store& store, const MachineRecord& record);
/// The same, and no other one.
void keep_reference(store::Store& store, const MachineRecord& record);

/// A new root means a new machine-id, and DHCP clients make their identifier from that: the server would hand
/// out another address. So the present one is reserved for the MAC, which stays.
void keep_addresses(Lifecycle& lifecycle, MachineRecord& record);

}  // namespace imgforge::lifecycle
