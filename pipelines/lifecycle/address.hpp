// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/virt/connection.hpp"
#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// Addresses by NIC, in the order of the record.
using NicAddresses = std::vector<std::vector<std::string>>;

/// What was found, and what each source said: "guest agent: not connected; lease: none; ARP: none".
struct AddressSearch {
    NicAddresses addresses;
    std::string tried;
    /// The first address a host can use: IPv4 before IPv6, no loopback, no link-local. Empty: none.
    std::string best() const;
};

/// Asks DHCP leases, ARP and the guest agent, in that order of cost, until one answers.
AddressSearch find_addresses(const virt::Connection& connection, const MachineRecord& record);

/// Leases of one NIC; empty for NICs that libvirt's DHCP does not serve and when the network is unknown.
std::vector<std::string> leased_addresses(const virt::Connection& connection, const Nic& nic);

/// Leases with the second they end in, 0 for never; by address.
using LeaseTimes = std::map<std::string, long long>;
/// Those that libvirt's DHCP servers have for the machine now; empty when they cannot be asked.
LeaseTimes lease_times(const virt::Connection& connection, const MachineRecord& record);
/// Takes out the addresses whose lease is one of `old` still: a guest that boots asks for it anew, which
/// moves its end.
void drop_old_leases(NicAddresses& addresses, const LeaseTimes& old, const LeaseTimes& now);

/// By the guest agent. Throws what libvirt says when it does not answer.
NicAddresses agent_addresses(const virt::Connection& connection, const MachineRecord& record);

/// Adds those of `more` that are not in `into`.
void merge_addresses(NicAddresses& into, const NicAddresses& more);

/// False for loopback, link-local, multicast and unspecified addresses, and for text that is none.
bool is_usable_address(const std::string& text);

}  // namespace imgforge::lifecycle
