// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/doctor/doctor.hpp"
#include "builder/virt/connection.hpp"

namespace imgforge::doctor {

constexpr const char* system_daemon_command =
    "apt-get install -y libvirt-daemon-system && systemctl enable --now libvirtd";
constexpr const char* start_network =
    "virsh -c qemu:///system net-start default && virsh -c qemu:///system net-autostart default";

/// A Linux bridge of this host.
struct HostBridge {
    std::string name;
    std::vector<std::string> uplinks{};  ///< its ports that are real devices; none: it leads nowhere outside
};

/// What machines could be connected to.
struct HostNetworks {
    std::vector<virt::NetworkInfo> networks{};  ///< libvirt's
    std::vector<HostBridge> bridges{};          ///< without those of libvirt's networks
    std::string default_interface{};            ///< that the default route goes through; empty: none
};

/// Which networks there are, which bridge would do, and the command that makes what is missing.
Check describe(const HostNetworks& host);

/// The same of this host.
Check networks(DoctorContext& context);

}  // namespace imgforge::doctor
