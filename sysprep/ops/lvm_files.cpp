// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <sstream>

namespace imgforge::sysprep {

Operation lvm_files_operation() {
    return {
        .name = "lvm-files",
        .heading = "Remove LVM's device list, archives and caches",
        .reason = "the list pins disk serials, so a clone finds no volume group; archives hold the hostname",
        .source = "lvmdevices(8), vgcfgbackup(8)",
        .rows = {"C3"},
        .remove = {"/etc/lvm/devices/system.devices", "/etc/lvm/cache/.cache"},
        .clear = {"/etc/lvm/devices/backup", "/etc/lvm/archive", "/etc/lvm/backup"},
        .perform =
            [](Cleaner& cleaner) {
                const std::string settings = cleaner.read("/etc/lvm/lvm.conf");
                std::istringstream lines(settings);
                for (std::string line; std::getline(lines, line);) {
                    const std::size_t start = line.find_first_not_of(" \t");
                    if (start != std::string::npos && line.compare(start, 18, "use_devicesfile = ") == 0 &&
                        line.find('1', start) != std::string::npos) {
                        cleaner.note(
                            "/etc/lvm/lvm.conf forces use_devicesfile = 1: clones will find no volume group "
                            "without a devices file");
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
