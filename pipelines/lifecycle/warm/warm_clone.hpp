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

/// Lets the defined machine go on from the template's memory: restored under its own name, UUID, vmgenid and
/// disk; given machine-id, boot id, host keys, login keys, clock and random numbers of its own; only then its
/// cards are plugged in and brought up by DHCP. `seed` is the machine's own, with its host keys; `port` is
/// held until QEMU listens on it.
void start_warm(Lifecycle& lifecycle, const virt::Connection& connection, const MachineRecord& record,
                const WarmTemplate& from, const seeds::SeedSpec& seed, std::optional<PortHold>& port);

}  // namespace imgforge::lifecycle
