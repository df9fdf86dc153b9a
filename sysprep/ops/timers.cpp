// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation timers_operation() {
    return {
        .name = "timers",
        .heading = "Forget when timers and periodic jobs ran last",
        .reason = "all clones would run or skip their jobs on the template's schedule",
        .source = "systemd.timer(5) Persistent=, anacron(8), apt.systemd.daily",
        .rows = {"A14"},
        .remove = {"/var/lib/systemd/timers/stamp-*", "/var/spool/anacron/*", "/var/lib/apt/periodic/*"},
    };
}

}  // namespace imgforge::sysprep
