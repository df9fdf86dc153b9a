// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation popularity_contest_operation() {
    return {
        .name = "popularity-contest",
        .heading = "Remove the host id of popularity-contest",
        .reason = "counts all clones as one",
        .source = "popularity-contest postinst",
        .rows = {"D7"},
        .perform =
            [](Cleaner& cleaner) {
                cleaner.edit_lines("/etc/popularity-contest.conf",
                                   [](const std::string& line) -> std::optional<std::string> {
                                       return line.starts_with("MY_HOSTID=") ? std::nullopt
                                                                             : std::optional(line);
                                   });
            },
    };
}

}  // namespace imgforge::sysprep
