// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "builder/virt/connection.hpp"
#include "builder/virt/domain_spec.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// KVM where a guest was really seen to run under it on this boot of the host, else TCG.
virt::DomainSpec::Accel machine_accel(Lifecycle& lifecycle, const MachineRecord& record);

/// How a machine comes into libvirt.
enum class Definition {
    fresh,     ///< libvirt does not know it: from the record
    carried,   ///< what libvirt has is taken over and changed only where the machine's own parts changed
    restored,  ///< the same, and disks and NICs of the record that the domain has lost are put back
};

/// Defines the domain; one that libvirt does not know is made from the record in any case. domain.xml beside
/// the disk shows what was given to libvirt.
virt::Domain define_machine(Lifecycle& lifecycle, const virt::Connection& connection,
                            const MachineRecord& record, Definition how = Definition::carried);

/// What imgforge itself would define for the machine.
std::string own_domain_xml(Lifecycle& lifecycle, const MachineRecord& record);

/// Starts the defined domain. The loopback port is held until QEMU listens on it; one that a stranger took
/// meanwhile is replaced (record and domain change). Rotates the console log first.
void start_domain(Lifecycle& lifecycle, const virt::Connection& connection, MachineRecord& record,
                  std::optional<PortHold> port = {});

}  // namespace imgforge::lifecycle
