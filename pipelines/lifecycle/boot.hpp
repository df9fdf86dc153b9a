// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "builder/virt/connection.hpp"
#include "builder/virt/domain_spec.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// KVM where a guest was really seen to run under it on this boot of the host, else TCG.
virt::DomainSpec::Accel machine_accel(Lifecycle& lifecycle, const MachineRecord& record);

/// (Re)defines the domain from the record; domain.xml beside the disk shows what was given to libvirt.
virt::Domain define_machine(Lifecycle& lifecycle, const virt::Connection& connection,
                            const MachineRecord& record);

/// Starts the defined domain. The loopback port is held until QEMU listens on it; one that a stranger took
/// meanwhile is replaced (record and domain change). Rotates the console log first.
void start_domain(Lifecycle& lifecycle, const virt::Connection& connection, MachineRecord& record,
                  std::optional<PortHold> port = {});

}  // namespace imgforge::lifecycle
