// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation ssh_user_files_operation() {
    return {
        .name = "ssh-user-files",
        .heading = "Remove SSH keys and known hosts from every home",
        .reason = "keys of the builder admit to every clone, or from it to elsewhere",
        .source = "ssh(1) FILES, sshd(8) AUTHORIZED_KEYS",
        .rows = {"E3"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& folder : cleaner.fs().glob_all(cleaner.in_homes({".ssh"}))) {
                    cleaner.clear(folder);
                }
            },
    };
}

}  // namespace imgforge::sysprep
