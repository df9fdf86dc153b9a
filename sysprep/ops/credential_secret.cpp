// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation credential_secret_operation() {
    return {
        .name = "credential-secret",
        .heading = "Remove the secret that seals service credentials",
        .reason = "every clone could open the others' credentials; made again on demand",
        .source = "systemd-creds(1); BUILDING_IMAGES.md item 5",
        .rows = {"A10"},
        .remove = {"/var/lib/systemd/credential.secret"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path : cleaner.fs().glob("/etc/credstore.encrypted/*")) {
                    cleaner.note(path + " may be sealed with the removed secret and unreadable in clones");
                }
            },
    };
}

}  // namespace imgforge::sysprep
