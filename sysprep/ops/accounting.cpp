// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation accounting_operation() {
    return {
        .name = "accounting",
        .heading = "Remove process and system accounting",
        .reason = "what ran on the builder",
        .source = "accton(8), sar(1)",
        .rows = {"F8"},
        .remove = {"/var/account/pacct*", "/var/log/account/*", "/var/log/sa/*", "/var/log/sysstat/*"},
    };
}

}  // namespace imgforge::sysprep
