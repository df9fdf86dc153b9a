// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation proxies_operation() {
    return {
        .name = "proxies",
        .heading = "Remove proxy and repository settings of the build",
        .reason = "they point to the build network and may hold passwords",
        .source = "apt.conf(5), curtin 90curtin-aptproxy; d-i apt-setup",
        .rows = {"E10"},
        .remove = {"/etc/apt/apt.conf.d/90curtin-aptproxy", "/etc/apt/apt.conf.d/*imgforge-proxy*"},
        .perform =
            [](Cleaner& cleaner) {
                // d-i writes the mirror proxy of the installation as a line of apt.conf.
                cleaner.edit_lines("/etc/apt/apt.conf",
                                   [](const std::string& line) -> std::optional<std::string> {
                                       return line.starts_with("Acquire::http::Proxy") ||
                                                      line.starts_with("Acquire::https::Proxy")
                                                  ? std::nullopt
                                                  : std::optional(line);
                                   });
                cleaner.edit_lines("/etc/apt/sources.list",
                                   [](const std::string& line) -> std::optional<std::string> {
                                       return line.starts_with("deb cdrom:") ||
                                                      line.starts_with("deb [trusted=yes] file:/media/")
                                                  ? std::nullopt
                                                  : std::optional(line);
                                   });
                for (const std::string& path : cleaner.fs().glob_all(
                         {"/etc/apt/auth.conf", "/etc/apt/auth.conf.d/*", "/etc/apt/apt.conf.d/*proxy*",
                          "/etc/systemd/system/*.service.d/http-proxy.conf"})) {
                    cleaner.note(path + " may hold a password or the build network's proxy");
                }
            },
    };
}

}  // namespace imgforge::sysprep
