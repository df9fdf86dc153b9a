// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation journal_operation() {
    return {
        .name = "journal",
        .heading = "Remove journals",
        .reason =
            "they hold the builder's logs under its machine-id; the folder itself stays, because it means "
            "\"persistent\"",
        .source = "systemd-journald.service(8)",
        .rows = {"A12"},
        .clear = {"/var/log/journal"},
    };
}

}  // namespace imgforge::sysprep
