// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "builder/guest/appliance.hpp"
#include "builder/guest/appliance_state.hpp"
#include "builder/guest/memory_image.hpp"

namespace imgforge::guest {

/// The key of what `handle` would start, from the handle's settings.
MemoryImageKey memory_image_key(guestfs_h* handle, Accelerator accelerator, bool network);

/// The image for an appliance with these options: found, or made now, which takes a little longer than a
/// boot. Nothing when there is none and none can be made (too many disks, no room, somebody makes it just
/// now, libguestfs has not built its root disk yet, this host cannot do it): the appliance then has to boot.
/// Throws Interrupted only.
std::optional<MemoryImage> provide_memory_image(guestfs_h* handle, const ApplianceOptions& options,
                                                Accelerator accelerator, Monitor& monitor);

}  // namespace imgforge::guest
