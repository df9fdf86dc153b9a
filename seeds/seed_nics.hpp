// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// "52:54:00:12:34:56,name=lan0,ip=192.0.2.5/24,gw=192.0.2.1,dns=192.0.2.53,mtu=9000,dhcp6" as a card; keys
/// may repeat where lists make sense. Without an address it asks for DHCP. `index` gives the name eth0, eth1
/// … when none is said. Throws Failure::usage naming the word that is wrong.
SeedNic parse_nic(const std::string& text, std::size_t index);

/// "a,b, c" as its words; empty ones are left out.
std::vector<std::string> split_list(std::string_view text);

}  // namespace imgforge::seeds
