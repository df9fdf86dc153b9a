// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation hostname_operation() {
    return {
        .name = "hostname",
        .heading = "Give the guest a neutral hostname",
        .reason = "clones would announce the builder's name to DHCP and DNS",
        .source = "systemd docs/BUILDING_IMAGES.md item 4; hostname(5)",
        .rows = {"A3"},
        .order = Operation::order_identity,
        .again = true,
        .perform =
            [](Cleaner& cleaner) {
                // "localhost" counts as unset for DHCP clients and for systemd-hostnamed; the file itself is
                // wanted by OpenRC.
                for (const char* path : {"/etc/hostname", "/etc/HOSTNAME"}) {
                    if (cleaner.exists(path)) {
                        cleaner.write(path, "localhost\n");
                    }
                }
                cleaner.edit_lines("/etc/conf.d/hostname",
                                   [](const std::string& line) -> std::optional<std::string> {
                                       return line.starts_with("hostname=") ? "hostname=\"localhost\"" : line;
                                   });
                cleaner.edit_lines(
                    "/etc/sysconfig/network", [](const std::string& line) -> std::optional<std::string> {
                        return line.starts_with("HOSTNAME=") || line.starts_with("DHCP_HOSTNAME=")
                                   ? std::nullopt
                                   : std::optional(line);
                    });
            },
    };
}

}  // namespace imgforge::sysprep
