// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation dhcp_client_operation() {
    return {
        .name = "dhcp-client",
        .heading = "Remove DHCP leases, client identifiers and secrets",
        .reason = "a shared DUID gives every clone the same address",
        .source = "dhclient.leases(5), dhcpcd(8), RFC 7217",
        .rows = {"B1", "B2", "B3"},
        .remove = {"/var/lib/NetworkManager/*.lease", "/var/lib/NetworkManager/dhclient*.conf",
                   "/etc/dhcpcd.duid", "/etc/dhcpcd.secret", "/var/lib/wicked/*.xml"},
        .clear = {"/var/lib/dhclient", "/var/lib/dhcp", "/var/lib/dhcp3", "/var/lib/dhcpd", "/var/lib/dhcpcd",
                  "/var/lib/connman", "/var/lib/systemd/network"},
    };
}

}  // namespace imgforge::sysprep
