// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation interfaces_operation() {
    return {
        .name = "interfaces",
        .heading = "Take MAC addresses out of ifupdown and networkd settings",
        .reason = "they pin the builder's network card",
        .source = "interfaces(5) hwaddress, systemd.network(5), systemd.link(5)",
        .rows = {"B8"},
        .remove = {"/etc/network/interfaces.d/50-cloud-init*", "/etc/systemd/network/10-cloud-init-*"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path :
                     cleaner.fs().glob_all({"/etc/network/interfaces", "/etc/network/interfaces.d/*"})) {
                    cleaner.edit_lines(path, [](const std::string& line) -> std::optional<std::string> {
                        const std::size_t start = line.find_first_not_of(" \t");
                        return start != std::string::npos && line.compare(start, 9, "hwaddress") == 0
                                   ? std::nullopt
                                   : std::optional(line);
                    });
                }
                for (const std::string& path :
                     cleaner.fs().glob("/etc/systemd/network/*.{link,network,netdev}")) {
                    const std::string text = cleaner.read(path);
                    if (text.find("MACAddress=") == std::string::npos) {
                        continue;
                    }
                    if (path.ends_with(".link")) {
                        // It exists to name one card.
                        cleaner.remove(path);
                    } else {
                        cleaner.edit_lines(path, [](const std::string& line) -> std::optional<std::string> {
                            return line.starts_with("MACAddress=") || line.starts_with("PermanentMACAddress=")
                                       ? std::nullopt
                                       : std::optional(line);
                        });
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
