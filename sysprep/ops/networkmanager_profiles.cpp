// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <array>

namespace imgforge::sysprep {

namespace {

std::optional<std::string> unpinned_line(const std::string& line) {
    static constexpr std::array<std::string_view, 11> pins{
        "uuid=",     "mac-address=", "cloned-mac-address=",   "timestamp=",
        "psk=",      "password=",    "private-key-password=", "address1=",
        "address2=", "gateway=",     "dhcp-client-id="};
    for (const std::string_view pin : pins) {
        if (line.starts_with(pin)) {
            return std::nullopt;
        }
    }
    // A profile whose static addresses went takes them from DHCP.
    return line == "method=manual" ? "method=auto" : line;
}

}  // namespace

Operation networkmanager_profiles_operation() {
    return {
        .name = "networkmanager-profiles",
        .heading = "Take machine pins and secrets out of NetworkManager profiles",
        .reason = "a pinned MAC means no network in a clone; a UUID must not be shared; Wi-Fi keys leak",
        .source = "nm-settings-keyfile(5)",
        .rows = {"B5"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path :
                     cleaner.fs().glob("/etc/NetworkManager/system-connections/*")) {
                    if (cleaner.read(path).find("type=ethernet") == std::string::npos) {
                        // Wi-Fi, VPN, WireGuard: nothing of them is useful without its secrets.
                        cleaner.remove(path);
                    } else {
                        cleaner.edit_lines(path, unpinned_line);
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
