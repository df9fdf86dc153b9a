// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation password_backups_operation() {
    return {
        .name = "password-backups",
        .heading = "Remove backups of the user databases",
        .reason = "they keep the hashes of passwords changed later",
        .source = "passwd(5) backup files; dpkg daily cron job; rpm(8)",
        .rows = {"E9"},
        .remove = {"/etc/{passwd,shadow,group,gshadow,subuid,subgid}-",
                   "/var/backups/{shadow,gshadow,passwd,group}.bak*",
                   "/etc/{passwd,shadow,group,gshadow}.{dpkg-old,dpkg-dist,ucf-old,rpmsave,rpmnew,orig}",
                   "/etc/*{.bak,~}", "/root/*{.bak,~}", "/srv/*{.bak,~}"},
    };
}

}  // namespace imgforge::sysprep
