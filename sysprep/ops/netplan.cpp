// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

constexpr const char* dhcp_everywhere = R"(network:
  version: 2
  ethernets:
    any:
      match: {name: "e*"}
      dhcp4: true
      dhcp6: true
)";

}  // namespace

Operation netplan_operation() {
    return {
        .name = "netplan",
        .heading = "Replace netplan files that name the builder's network card",
        .reason = "they match its MAC address: a clone would have no network",
        .source = "netplan(5); subiquity models/network.py",
        .rows = {"B7"},
        .perform =
            [](Cleaner& cleaner) {
                bool removed = false;
                for (const std::string& path : cleaner.fs().glob("/etc/netplan/*.yaml")) {
                    const std::string text = cleaner.read(path);
                    const std::string name = guest::base_name(path);
                    const bool installer = name == "50-cloud-init.yaml" ||
                                           name == "00-installer-config.yaml" ||
                                           name == "00-snapd-config.yaml";
                    if (!installer && text.find("macaddress") == std::string::npos) {
                        continue;
                    }
                    if (!cleaner.is_kept(path)) {
                        cleaner.remove(path);
                        removed = true;
                    }
                }
                // cloud-init renders its own; without it something must ask for addresses.
                if (removed && !cleaner.exists("/usr/bin/cloud-init")) {
                    cleaner.write("/etc/netplan/90-dhcp.yaml", dhcp_everywhere, 0600);
                }
            },
    };
}

}  // namespace imgforge::sysprep
