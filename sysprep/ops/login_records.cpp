// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation login_records_operation() {
    return {
        .name = "login-records",
        .heading = "Remove records of logins",
        .reason = "who logged in on the builder and from where",
        .source = "utmp(5), lastlog(8), wtmpdb(8)",
        .rows = {"F2"},
        .remove = {"/var/lib/wtmpdb/wtmp.db*", "/var/lib/lastlog/lastlog2.db*"},
        .empty = {"/var/log/{wtmp,btmp,lastlog,faillog,tallylog}", "/run/utmp", "/var/run/utmp"},
    };
}

}  // namespace imgforge::sysprep
