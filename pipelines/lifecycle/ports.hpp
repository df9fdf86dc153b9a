// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// "[ADDR:]HOST:GUEST[/udp]": "8080:80", "0.0.0.0:8080:80", "[::1]:53:53/udp". Throws Failure::usage.
PublishedPort parse_published(std::string_view text);

/// How published ports of a machine get into its guest.
enum class Publishing {
    qemu,       ///< its first NIC is on a user network: QEMU listens itself
    forwarder,  ///< a network of libvirt: the forwarder of this store listens (forwarder.hpp)
};
Publishing publishing_of(const MachineRecord& record);

/// Throws Failure::domain when a wanted port belongs to another machine of this store, Failure::host when
/// another program listens on it, Failure::usage where ports cannot be published (another host, a bridge).
void check_published(MachineRegistry& registry, const MachineRecord& record);

/// Publishes one more port, at once when the machine runs; or takes one back (`remove`; its guest port may be
/// zero: whatever it leads to).
void forward_port(Lifecycle& lifecycle, std::string_view name, const PublishedPort& port, bool remove);

/// On a user network: the running QEMU and the domain's definition get the record's ports, where they lack
/// them. `connection` is the command's only one to an embedded root. Nothing on other networks.
void apply_ports(Lifecycle& lifecycle, const virt::Connection& connection, const MachineRecord& record);

}  // namespace imgforge::lifecycle
