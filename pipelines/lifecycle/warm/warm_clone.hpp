// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "builder/virt/connection.hpp"
#include "pipelines/lifecycle/spawn.hpp"
#include "pipelines/lifecycle/warm/warm_template.hpp"

namespace imgforge::lifecycle {

/// Throws Failure::usage with all reasons why machines like this cannot go on from a memory image.
void require_warm_possible(const SpawnOptions& options, const MachineRecord& record);

/// The template's own seed: what all machines of a spawn share, without what belongs to the caller.
seeds::SeedSpec template_seed(seeds::SeedSpec common);

/// Lets the defined machine go on from the template's memory: under its own name, UUID, vmgenid and disk;
/// given machine-id, boot id, host keys, login keys, clock, random numbers and MAC of its own; cards and
/// disks that the template had not are plugged in behind that and come up by DHCP. Where libvirt or QEMU
/// cannot do it, the machine boots from a fresh overlay, with a warning. `seed` is the machine's own, with
/// its host keys; `port` is held until QEMU listens on it. Throws Failure::guest when the guest cannot take
/// its identity.
void start_warm(Lifecycle& lifecycle, const virt::Connection& connection, const MachineRecord& record,
                const WarmTemplate& from, const seeds::SeedSpec& seed, std::optional<PortHold>& port);

}  // namespace imgforge::lifecycle
