// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation random_seed_operation() {
    return {
        .name = "random-seed",
        .heading = "Remove saved random seeds, on the ESP too",
        .reason = "clones that start from one seed may draw the same keys",
        .source = "systemd docs/BUILDING_IMAGES.md items 2 and 3; random-seed(8); seedrng",
        .rows = {"A8", "A9"},
        .order = Operation::order_last,
        .remove = {"/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed", "/var/lib/random-seed",
                   "/var/lib/misc/random-seed", "/etc/random-seed", "/{boot,efi,boot/efi}/loader/random-seed",
                   "/{boot,efi,boot/efi}/loader/.#bootctlrandom-seed*"},
        .clear = {"/var/lib/seedrng"},
    };
}

}  // namespace imgforge::sysprep
