// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge::seeds {

bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
inline bool is_ip(std::string_view text) {
    return is_ipv4(text) || is_ipv6(text);
}

/// An address with its prefix length, "192.0.2.5/24".
bool is_cidr(std::string_view text);
/// Six pairs of hex digits with colons (cloud-init compares it so), any case.
bool is_mac(std::string_view text);
/// The prefix length of a netmask such as 255.255.255.0, or -1.
int prefix_of_netmask(std::string_view text);

}  // namespace imgforge::seeds
