// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

void remove_spool(Cleaner& cleaner, const std::string& folder) {
    for (const guest::DirEntry& entry : cleaner.fs().list(folder)) {
        const std::string path = guest::join_path(folder, entry.name);
        if (entry.stat.type == guest::FileType::directory) {
            remove_spool(cleaner, path);
        } else {
            cleaner.remove(path);
        }
    }
}

}  // namespace

Operation mail_operation() {
    return {
        .name = "mail",
        .heading = "Remove mail, queued and delivered",
        .reason = "messages of the builder",
        .source = "postfix(1) queue directories, exim4(8), sendmail(8)",
        .rows = {"E13"},
        .perform =
            [](Cleaner& cleaner) {
                for (const char* folder :
                     {"/var/mail", "/var/spool/mail", "/var/spool/mqueue", "/var/spool/clientmqueue",
                      "/var/spool/exim4/input", "/var/spool/exim4/msglog"}) {
                    cleaner.clear(folder);
                }
                // postfix refuses to start without its queue directories: only files go.
                for (const char* queue : {"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                                          "incoming", "maildrop", "saved", "trace"}) {
                    remove_spool(cleaner, std::string("/var/spool/postfix/") + queue);
                }
                cleaner.remove_all(cleaner.in_homes({"dead.letter", "mbox", "Maildir"}));
            },
    };
}

}  // namespace imgforge::sysprep
