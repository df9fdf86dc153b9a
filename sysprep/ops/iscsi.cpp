// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation iscsi_operation() {
    return {
        .name = "iscsi",
        .heading = "Make the iSCSI initiator draw its own name",
        .reason = "two initiators with one name corrupt a shared LUN",
        .source = "iscsid(8); Debian open-iscsi startup-checks.sh",
        .rows = {"B11"},
        .perform =
            [](Cleaner& cleaner) {
                constexpr const char* path = "/etc/iscsi/initiatorname.iscsi";
                // Debian's start-up check exits 1 when the file is missing, and replaces the name when it
                // says GenerateName=yes.
                if (cleaner.os().family == "debian") {
                    if (cleaner.exists(path)) {
                        cleaner.write(path, "GenerateName=yes\n", 0600);
                    }
                } else {
                    cleaner.remove(path);
                }
                for (const char* folder : {"/var/lib/iscsi/nodes", "/var/lib/iscsi/send_targets",
                                           "/etc/iscsi/nodes", "/etc/iscsi/send_targets"}) {
                    cleaner.clear(folder);
                }
            },
    };
}

}  // namespace imgforge::sysprep
