// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation cloud_init_settings_operation() {
    return {
        .name = "cloud-init-settings",
        .heading = "Remove what cloud-init wrote into the guest's settings",
        .reason = "sshd and sudo rules of the builder's seed",
        .source = "cloud-init clean --configs all",
        .rows = {"D3"},
        .remove = {"/etc/ssh/sshd_config.d/50-cloud-init.conf", "/etc/sudoers.d/90-cloud-init-users"},
        .perform =
            [](Cleaner& cleaner) {
                cleaner.edit_lines("/etc/fstab", [](const std::string& line) -> std::optional<std::string> {
                    return line.find("comment=cloudconfig") != std::string::npos ? std::nullopt
                                                                                 : std::optional(line);
                });
            },
    };
}

}  // namespace imgforge::sysprep
