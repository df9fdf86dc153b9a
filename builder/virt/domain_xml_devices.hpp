// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <vector>

#include "builder/virt/domain_spec.hpp"

// Parts of domain_xml(), apart only to keep files small. Use domain_xml.hpp.
namespace imgforge::virt {

void add_devices(pugi::xml_node devices, const DomainSpec& spec);
void add_disk(pugi::xml_node devices, const DiskSpec& disk);
/// The only slot of a PCIe root port; nothing when there is none.
void add_port_address(pugi::xml_node device, const std::optional<int>& port);
void add_nic(pugi::xml_node devices, const NicSpec& nic);

/// -netdev and -device of the user NICs that forward ports: libvirt 9.0 has no element for it without passt.
std::vector<std::string> user_nic_arguments(const DomainSpec& spec);

/// Throws Failure::domain when a socket's path does not fit into sockaddr_un.
void check_socket_path(const CharacterSpec& host);

}  // namespace imgforge::virt
