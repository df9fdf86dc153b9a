// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace imgforge::lifecycle {

/// A card that was plugged into a clone.
struct PluggedCard {
    std::string mac;
    /// On QEMU's user network, where the addresses are known: the guest need not ask for them before it
    /// answers.
    bool user_network = false;
};

/// Shell script that brings these cards up, then lets cloud-init make its first boot with the clone's own
/// seed in the background, when the processor has nothing else to do. The first card on the user network gets
/// its address at once and is handed to the guest's DHCP client behind that; all others come up by DHCP, with
/// whatever configures the network of the guest. Pure.
std::string network_script(const std::vector<PluggedCard>& cards);

/// The same for a clone whose template had a card on the user network: it gets its own MAC `mac` and keeps
/// its address.
std::string network_script_of_whole(const std::string& mac);

/// MAC of a template's card. Nobody else is on its network.
inline constexpr const char* template_mac = "52:54:00:69:66:00";

}  // namespace imgforge::lifecycle
