// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation etckeeper_operation() {
    return {
        .name = "etckeeper",
        .heading = "Remove the version history of /etc",
        .reason = "it holds every key and hash that was ever deleted",
        .source = "etckeeper(8)",
        .rows = {"E11"},
        .remove = {"/etc/.git", "/etc/.hg", "/etc/.bzr", "/etc/_darcs", "/etc/.etckeeper"},
    };
}

}  // namespace imgforge::sysprep
