// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <regex>

namespace imgforge::sysprep {

namespace {

std::optional<std::string> unpinned_setting(const std::string& line) {
    static const std::regex pin(
        "(HWADDR|UUID|MACADDR|HOSTNAME|DHCP_HOSTNAME|IPADDR[0-9]*|PREFIX[0-9]*|NETMASK[0-9]*|GATEWAY[0-9]*|"
        "DHCP_CLIENT_ID)=.*");
    if (std::regex_match(line, pin)) {
        return std::nullopt;
    }
    static const std::regex fixed("BOOTPROTO=[\"']?(none|static)[\"']?");
    return std::regex_match(line, fixed) ? "BOOTPROTO=dhcp" : line;
}

}  // namespace

Operation ifcfg_operation() {
    return {
        .name = "ifcfg",
        .heading = "Take machine pins out of ifcfg files",
        .reason = "HWADDR pins the builder's network card, a static address collides",
        .source = "sysconfig(5) of network-scripts and wicked",
        .rows = {"B6"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path : cleaner.fs().glob_all(
                         {"/etc/sysconfig/network-scripts/ifcfg-*", "/etc/sysconfig/network/ifcfg-*"})) {
                    if (!path.ends_with("/ifcfg-lo")) {
                        cleaner.edit_lines(path, unpinned_setting);
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
