// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation logrotate_state_operation() {
    return {
        .name = "logrotate-state",
        .heading = "Forget when logs were rotated",
        .reason = "dates of the builder's logs",
        .source = "logrotate(8)",
        .rows = {"F6"},
        .remove = {"/var/lib/logrotate/{status,logrotate.status}", "/var/lib/logrotate.status"},
    };
}

}  // namespace imgforge::sysprep
