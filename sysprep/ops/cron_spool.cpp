// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation cron_spool_operation() {
    return {
        .name = "cron-spool",
        .heading = "Remove jobs of users",
        .reason = "they were for the builder",
        .source = "crontab(1), at(1)",
        .rows = {"E14"},
        .perform =
            [](Cleaner& cleaner) {
                for (const char* folder :
                     {"/var/spool/cron", "/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/at",
                      "/var/spool/atjobs", "/var/spool/atspool", "/var/spool/cron/atjobs",
                      "/var/spool/cron/atspool"}) {
                    for (const guest::DirEntry& entry : cleaner.fs().list(folder)) {
                        // .SEQ is at's job counter and must exist.
                        if (entry.stat.type != guest::FileType::directory && entry.name != ".SEQ") {
                            cleaner.remove(guest::join_path(folder, entry.name));
                        }
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
