// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation libvirt_operation() {
    return {
        .name = "libvirt",
        .heading = "Remove identities of nested virtual networks",
        .reason = "equal MACs and UUIDs on every clone",
        .source = "libvirt formatnetwork; libvirtd.conf host_uuid",
        .rows = {"D16"},
        .remove = {"/var/lib/libvirt/dnsmasq/*.{leases,status,macs}"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path : cleaner.fs().glob("/etc/libvirt/qemu/networks/*.xml")) {
                    cleaner.edit_lines(path, [](const std::string& line) -> std::optional<std::string> {
                        const std::size_t start = line.find_first_not_of(" \t");
                        const std::string text = start == std::string::npos ? "" : line.substr(start);
                        return text.starts_with("<uuid>") || text.starts_with("<mac address=")
                                   ? std::nullopt
                                   : std::optional(line);
                    });
                }
                cleaner.edit_lines(
                    "/etc/libvirt/libvirtd.conf", [](const std::string& line) -> std::optional<std::string> {
                        return line.starts_with("host_uuid =") || line.starts_with("host_uuid=")
                                   ? std::nullopt
                                   : std::optional(line);
                    });
            },
    };
}

}  // namespace imgforge::sysprep
