// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation installer_logs_operation() {
    return {
        .name = "installer-logs",
        .heading = "Remove logs and answers of the Debian and Ubuntu installers",
        .reason = "preseed answers hold passwords, proxies and keys",
        .source = "debian-installer save-logs; subiquity autoinstall-user-data",
        .rows = {"E6"},
        .remove = {"/var/log/installer", "/var/lib/preseed/*", "/preseed.cfg", "/var/log/curtin*"},
    };
}

}  // namespace imgforge::sysprep
