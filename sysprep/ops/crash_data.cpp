// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation crash_data_operation() {
    return {
        .name = "crash-data",
        .heading = "Remove core dumps and crash reports",
        .reason = "memory holds keys and passwords",
        .source = "core(5), systemd-coredump(8), apport, abrt, kdump",
        .rows = {"F3"},
        .remove = {"/core", "/core.*", "/var/cache/abrt-di/*"},
        .clear = {"/var/crash", "/var/lib/systemd/coredump", "/var/lib/systemd/pstore", "/var/spool/abrt",
                  "/var/lib/apport/coredump"},
    };
}

}  // namespace imgforge::sysprep
