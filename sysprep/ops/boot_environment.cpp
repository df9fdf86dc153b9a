// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <sstream>

namespace imgforge::sysprep {

namespace {

/// GRUB writes the block in place and wants exactly its size (1024 bytes), filled up with '#'.
std::string without_failure_marks(const std::string& block) {
    std::string kept;
    std::istringstream lines(block);
    bool changed = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("recordfail=") || line.starts_with("boot_indeterminate=")) {
            changed = true;
        } else if (line.find_first_not_of('#') != std::string::npos || line.starts_with("# ")) {
            kept += line + "\n";
        }
    }
    if (!changed || kept.size() > block.size()) {
        return block;
    }
    return kept + std::string(block.size() - kept.size(), '#');
}

}  // namespace

Operation boot_environment_operation() {
    return {
        .name = "boot-environment",
        .heading = "Clear boot failure marks",
        .reason = "recordfail makes every clone wait at the boot menu",
        .source = "grub-editenv(1)",
        .rows = {"C9"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path : cleaner.fs().glob_all(
                         {"/boot/grub/grubenv", "/boot/grub2/grubenv", "/boot/efi/EFI/*/grubenv"})) {
                    cleaner.edit(path, without_failure_marks);
                }
            },
    };
}

}  // namespace imgforge::sysprep
