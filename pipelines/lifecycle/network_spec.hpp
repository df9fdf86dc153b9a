// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::lifecycle {

/// Where one NIC of a machine is attached, as the user writes it with --network.
struct NetworkSpec {
    enum class Kind {
        nat,       ///< libvirt's network "default"
        bridge,    ///< a host bridge, `name`
        isolated,  ///< host only: imgforge's own network without a way out
        network,   ///< a named libvirt network, `name`
        user,      ///< QEMU's user network; SSH comes in through a loopback port
    };
    Kind kind = Kind::nat;
    std::string name{};                ///< of the bridge or network
    std::optional<unsigned> vlan{};    ///< 1 to 4094
    std::optional<std::string> mac{};  ///< lower case; else one is drawn
    std::optional<std::string> ip{};   ///< IPv4 to be reserved for it in the network's DHCP
    std::string model = "virtio";

    /// "nat", "bridge=br0,vlan=12": the value of `network` in records, without MAC and IP.
    std::string text() const;
    bool operator==(const NetworkSpec&) const = default;
};

/// Reads "nat", "user", "isolated", "bridge=br0", "network=NAME", each with optional ",vlan=12", ",mac=…",
/// ",ip=…",
/// ",model=e1000e". Throws Failure::usage with the part that is wrong.
NetworkSpec parse_network(std::string_view text);

/// The name of the libvirt network behind a kind, empty for bridge and user.
std::string libvirt_network(const NetworkSpec& spec);

/// Lower-case MAC; throws Failure::usage for anything but six hex pairs with ':' or '-', for multicast and
/// for all zeros.
std::string normal_mac(std::string_view text);

/// True for four decimal parts of 0 to 255.
bool is_ipv4(std::string_view text);

}  // namespace imgforge::lifecycle
