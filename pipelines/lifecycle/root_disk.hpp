// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

// What all changes of a root disk have in common, wherever the disk is; the commands are in control.hpp.

/// Holds the generation that the disk stands on: none for an independent disk, and none for a generation that
/// only a pool has.
void add_reference(Lifecycle& lifecycle, const MachineRecord& record);
/// The same, and no other one.
void keep_reference(Lifecycle& lifecycle, const MachineRecord& record);

/// A new root means a new machine-id, and DHCP clients make their identifier from that: the server would hand
/// out another address. So the present one is reserved for the MAC, which stays.
void keep_addresses(Lifecycle& lifecycle, MachineRecord& record);

}  // namespace imgforge::lifecycle
