// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/encryption.hpp"

#include <algorithm>
#include <vector>

#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/guestfs_library.hpp"

namespace imgforge::sysprep {

bool is_encrypted(DeviceWork& work, const std::string& device) {
    constexpr std::string_view container = "/dev/mapper/imgforge-luks";
    if (!work.os.encrypted || device.starts_with(container)) {
        return work.os.encrypted;
    }
    const bool logical = device.starts_with("/dev/") && device.find('/', 5) != std::string::npos;
    if (!logical) {
        return false;
    }
    const std::vector<std::string> physical = guest::take_strings(
        work.appliance.call("physical volumes", [](guestfs_h* g) { return guestfs_pvs(g); }));
    return std::any_of(physical.begin(), physical.end(),
                       [&](const std::string& volume) { return volume.starts_with(container); });
}

}  // namespace imgforge::sysprep
