// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation machine_info_operation() {
    return {
        .name = "machine-info",
        .heading = "Remove the pretty hostname and chassis data",
        .reason = "describes the machine the image was built on",
        .source = "machine-info(5); BUILDING_IMAGES.md item 4",
        .rows = {"A5"},
        .remove = {"/etc/machine-info"},
    };
}

}  // namespace imgforge::sysprep
