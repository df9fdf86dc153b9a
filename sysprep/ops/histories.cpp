// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation histories_operation() {
    return {
        .name = "histories",
        .heading = "Remove shell, editor and database histories",
        .reason = "they tell commands, hosts and passwords typed",
        .source = "bash(1) HISTFILE and the manuals of the programs",
        .rows = {"E4"},
        .perform =
            [](Cleaner& cleaner) {
                cleaner.remove_all(cleaner.in_homes(
                    {".*_history", ".*_history-*", ".histfile", ".lesshst", ".viminfo", ".nano_history",
                     ".wget-hsts", ".node_repl_history", ".local/share/fish/fish_history",
                     ".local/share/recently-used.xbel", ".local/state/bash/history", ".zhistory"}));
            },
    };
}

}  // namespace imgforge::sysprep
