// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation multipath_operation() {
    return {
        .name = "multipath",
        .heading = "Remove multipath identities",
        .reason = "they name the builder's disks",
        .source = "multipath(8) wwids, bindings",
        .rows = {"C6"},
        .remove = {"/etc/multipath/{wwids,bindings}", "/etc/multipath/wwids.*"},
    };
}

}  // namespace imgforge::sysprep
