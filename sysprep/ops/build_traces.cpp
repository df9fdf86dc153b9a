// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation build_traces_operation() {
    return {
        .name = "build-traces",
        .heading = "Remove traces of the tools that built the image",
        .reason = "first boot scripts, seeds and logs of virt-*, packer and imgforge",
        .source = "virt-sysprep(1) firstboot; qemu-ga(8); guestfs_sh with network renames resolv.conf",
        .rows = {"F10"},
        .order = Operation::order_last,
        .remove = {"/usr/lib/virt-sysprep", "/root/virt-sysprep-firstboot.log", "/root/*.iso",
                   "/root/imgforge*", "/etc/imgforge-installed", "/etc/imgforge-install*",
                   "/etc/imgforge.answers", "/var/lib/imgforge-result", "/var/log/imgforge*",
                   "/var/log/qga.log", "/var/log/qemu-ga", "/var/lib/qemu-ga/*", "/tmp/.imgforge-*",
                   "/etc/resolv.conf.guestfs*"},
        .perform =
            [](Cleaner& cleaner) {
                cleaner.edit_lines("/etc/fstab", [](const std::string& line) -> std::optional<std::string> {
                    // The installer's own medium: /dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
                    const bool medium = line.starts_with("/dev/sr") || line.starts_with("/dev/cdrom") ||
                                        line.find("/imgforge") != std::string::npos;
                    return medium ? std::nullopt : std::optional(line);
                });
            },
    };
}

}  // namespace imgforge::sysprep
