// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation vpn_identity_operation() {
    return {
        .name = "vpn-identity",
        .heading = "Remove node identities of overlay networks",
        .reason = "two nodes with one identity push each other out",
        .source = "tailscaled, zerotier-one, cloudflared and nebula documentation",
        .rows = {"B13"},
        .remove = {"/var/lib/tailscale/*", "/var/lib/zerotier-one/{identity.*,authtoken.secret}",
                   "/etc/cloudflared/*.{json,pem}", "/etc/nebula/*.{key,crt}"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path : cleaner.fs().glob_all(
                         {"/etc/wireguard/*.conf", "/etc/openvpn/**/*.key", "/etc/openvpn/*.key",
                          "/etc/ipsec.secrets", "/etc/swanctl/private/*"})) {
                    cleaner.note(
                        path + " holds a private key of a tunnel; remove it when clones shall not share it");
                }
            },
    };
}

}  // namespace imgforge::sysprep
