// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation cloud_init_operation() {
    return {
        .name = "cloud-init",
        .heading = "Remove the state of cloud-init",
        .reason = "it holds the builder's user-data and makes clones think they have booted before",
        .source = "cloud-init clean; cloud-init docs \"Boot stages\"",
        .rows = {"D1"},
        .remove = {"/var/log/cloud-init*.log*"},
        .clear = {"/run/cloud-init"},
        .perform =
            [](Cleaner& cleaner) {
                // The directory itself belongs to the package.
                cleaner.clear("/var/lib/cloud");
            },
    };
}

}  // namespace imgforge::sysprep
