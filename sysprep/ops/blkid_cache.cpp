// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation blkid_cache_operation() {
    return {
        .name = "blkid-cache",
        .heading = "Remove caches of block devices",
        .reason = "stale for any other disk",
        .source = "blkid(8)",
        .rows = {"C7"},
        .remove = {"/etc/blkid.tab*", "/etc/blkid/*", "/run/blkid*"},
    };
}

}  // namespace imgforge::sysprep
