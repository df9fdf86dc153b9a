// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation clock_state_operation() {
    return {
        .name = "clock-state",
        .heading = "Remove clock drift and time cookies",
        .reason = "measured on other hardware; NTS cookies identify a client",
        .source = "chronyd(8), ntpd(8)",
        .rows = {"A15"},
        .remove = {"/var/lib/chrony/drift", "/var/lib/chrony/*.nts", "/var/lib/ntp/ntp.drift",
                   "/var/lib/ntpsec/ntp.drift", "/var/lib/ntp/*.nts"},
    };
}

}  // namespace imgforge::sysprep
