// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation temporary_files_operation() {
    return {
        .name = "temporary-files",
        .heading = "Empty /tmp and /var/tmp",
        .reason = "whatever the build left there",
        .source = "hier(7), tmpfiles.d(5)",
        .rows = {"F4"},
        .order = Operation::order_last,
        .clear = {"/tmp", "/var/tmp"},
    };
}

}  // namespace imgforge::sysprep
