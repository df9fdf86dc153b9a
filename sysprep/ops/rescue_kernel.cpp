// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation rescue_kernel_operation() {
    return {
        .name = "rescue-kernel",
        .heading = "Remove rescue boot entries that carry the old machine ID",
        .reason = "kernel-install never removes entries of another id; 100 MB for nothing",
        .source = "kernel-install(8); Boot Loader Specification",
        .rows = {"C10"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path :
                     cleaner.fs().glob_all({"/boot/vmlinuz-0-rescue-*", "/boot/initramfs-0-rescue-*.img",
                                            "/boot/loader/entries/*-0-rescue.conf"})) {
                    cleaner.remove(path);
                }
            },
    };
}

}  // namespace imgforge::sysprep
