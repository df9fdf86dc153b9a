// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/image/disk_view.hpp"
#include "sysprep/audit/matcher.hpp"
#include "sysprep/audit/report.hpp"

namespace imgforge::sysprep::audit {

struct ByteScan {
    std::vector<Finding> findings;  ///< merged; layers "disk" and "host-file"
    std::uint64_t bytes = 0;        ///< looked at, both layers
    double seconds = 0;
};

/// Searches every allocated byte of the virtual disk (free space, journals, swap, gaps) in disk order, and
/// every allocated byte of the image files that is not a part of the virtual disk (metadata, stale and
/// compressed clusters, replaced data of backing files), each byte once. `threads` 0 = one per processor.
/// Throws Interrupted when a signal comes.
ByteScan scan_bytes(const image::DiskView& view, const Matcher& matcher, unsigned threads, Monitor& monitor,
                    std::uint64_t parent_activity = 0);

}  // namespace imgforge::sysprep::audit
