// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <sstream>

namespace imgforge::sysprep {

namespace {

/// config.dat is a list of stanzas; an empty answer that is marked as meant ("install_devices_empty: true")
/// keeps upgrades quiet.
std::string forgotten(const std::string& text) {
    std::istringstream lines(text);
    std::string result;
    std::string stanza;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("Name: ")) {
            stanza = line.substr(6);
        }
        if (line.starts_with("Value: ") &&
            (stanza == "grub-pc/install_devices" || stanza == "grub-pc/install_devices_disks_changed") &&
            line.find("/dev/disk/by-id/") != std::string::npos) {
            line = "Value: ";
        } else if (line == "Value: false" && stanza == "grub-pc/install_devices_empty") {
            line = "Value: true";
        }
        result += line + "\n";
    }
    return text.ends_with('\n') || text.empty() ? result : text;
}

}  // namespace

Operation grub_install_device_operation() {
    return {
        .name = "grub-install-device",
        .heading = "Forget the disk that GRUB was installed to",
        .reason = "the next upgrade of GRUB fails in clones, whose disk has another name",
        .source = "debconf grub-pc/install_devices; cloud-init cc_grub_dpkg",
        .rows = {"C12"},
        .remove = {"/boot/grub/device.map", "/boot/grub2/device.map"},
        .perform = [](Cleaner& cleaner) { cleaner.edit("/var/cache/debconf/config.dat", forgotten); },
    };
}

}  // namespace imgforge::sysprep
