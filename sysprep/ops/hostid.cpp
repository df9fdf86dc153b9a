// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation hostid_operation() {
    return {
        .name = "hostid",
        .heading = "Remove the host id",
        .reason = "duplicate ids let two machines import one ZFS pool",
        .source = "gethostid(3), zgenhostid(8)",
        .rows = {"A13"},
        .perform =
            [](Cleaner& cleaner) {
                if (cleaner.fs().glob_all({"/etc/zfs/zpool.cache"}).empty()) {
                    cleaner.remove("/etc/hostid");
                } else if (cleaner.exists("/etc/hostid")) {
                    cleaner.note(
                        "/etc/hostid stays, because the guest uses ZFS: run zgenhostid in each clone");
                }
            },
    };
}

}  // namespace imgforge::sysprep
