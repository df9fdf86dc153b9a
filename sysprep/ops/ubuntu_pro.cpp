// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation ubuntu_pro_operation() {
    return {
        .name = "ubuntu-pro",
        .heading = "Remove Ubuntu Pro and Landscape identities",
        .reason = "clones would share one machine token",
        .source = "pro(1), landscape-config(1), whoopsie(8), pollinate(1)",
        .rows = {"D5"},
        .families = {"debian"},
        .remove = {"/var/lib/ubuntu-advantage/private/*", "/var/lib/ubuntu-advantage/machine-id",
                   "/var/lib/ubuntu-advantage/*token*", "/etc/apt/auth.conf.d/90ubuntu-advantage",
                   "/var/lib/landscape/client/*", "/var/lib/whoopsie/whoopsie-id",
                   "/var/cache/pollinate/seeded"},
        .perform =
            [](Cleaner& cleaner) {
                cleaner.edit_lines("/etc/landscape/client.conf",
                                   [](const std::string& line) -> std::optional<std::string> {
                                       const bool secret = line.starts_with("registration_key") ||
                                                           line.starts_with("secure_id") ||
                                                           line.starts_with("computer_title");
                                       return secret ? std::nullopt : std::optional(line);
                                   });
            },
    };
}

}  // namespace imgforge::sysprep
