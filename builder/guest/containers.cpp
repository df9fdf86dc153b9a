// SPDX-License-Identifier: GPL-3.0-or-later
// LUKS containers of a guest's disks.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/guest/file_system_list.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/opening.hpp"

namespace imgforge::guest {

/// guestfs_list_filesystems leaves LUKS out, as it does with all that only holds others. Both versions of the
/// header begin alike (LUKS1 On-Disk Format Specification; LUKS2 On-Disk Format Specification, 3.1).
void Opening::add_containers() {
    constexpr std::string_view magic("LUKS\xba\xbe", 6);
    std::vector<std::string> devices =
        take_strings(appliance_.call("disks", [](guestfs_h* g) { return guestfs_list_devices(g); }));
    for (char** more :
         {appliance_.call("partitions", [](guestfs_h* g) { return guestfs_list_partitions(g); }),
          appliance_.call("logical volumes", [](guestfs_h* g) { return guestfs_lvs(g); })}) {
        const std::vector<std::string> names = take_strings(more);
        devices.insert(devices.end(), names.begin(), names.end());
    }
    for (const std::string& device : devices) {
        const bool listed =
            std::any_of(os_.file_systems.begin(), os_.file_systems.end(),
                        [&](const FileSystem& file_system) { return file_system.mountable == device; });
        if (!listed && appliance_.read_device(device, 0, magic.size()) == magic) {
            FileSystem container;
            container.mountable = device;
            container.type = "crypto_LUKS";
            os_.file_systems.push_back(std::move(container));
        }
    }
}

bool Opening::open_container(const std::string& device, const std::string& passphrase,
                             const std::string& name) {
    return appliance_.attempt("opening of an encrypted volume", [&](guestfs_h* g) {
        return options_.read_only
                   ? guestfs_cryptsetup_open(g, device.c_str(), passphrase.c_str(), name.c_str(),
                                             GUESTFS_CRYPTSETUP_OPEN_READONLY, 1, -1)
                   : guestfs_cryptsetup_open(g, device.c_str(), passphrase.c_str(), name.c_str(), -1);
    }) == 0;
}

void Opening::open_containers() {
    if (options_.passphrase_file.empty()) {
        return;
    }
    add_containers();
    std::vector<std::string> containers;
    for (const FileSystem& file_system : os_.file_systems) {
        if (file_system.type == "crypto_LUKS") {
            containers.push_back(file_system.mountable);
        }
    }
    if (containers.empty()) {
        return;
    }
    std::vector<std::string> passphrases;
    std::istringstream lines(read_file(options_.passphrase_file, 1U << 20U));
    for (std::string line; std::getline(lines, line);) {
        remember_secret(line);
        passphrases.push_back(line);
    }
    for (std::size_t index = 0; index < containers.size(); ++index) {
        const std::string name = fmt::format("imgforge-luks{}", index);
        const auto right =
            std::find_if(passphrases.begin(), passphrases.end(), [&](const std::string& passphrase) {
                return open_container(containers[index], passphrase, name);
            });
        if (right == passphrases.end()) {
            throw Error(Failure::guest,
                        fmt::format("cannot open the encrypted volume {} with the passphrase given",
                                    containers[index]),
                        "the file may hold one passphrase a line, for volumes with different ones");
        }
        // Each try costs a key derivation, seconds to minutes where it is emulated: volumes have either one
        // passphrase or one each, and what opened a volume is tried again last.
        std::rotate(right, right + 1, passphrases.end());
    }
    appliance_.call("LVM scan", [](guestfs_h* g) { return guestfs_lvm_scan(g, 1); });
    os_.encrypted = true;
    os_.file_systems = list_file_systems(appliance_, true);
}

}  // namespace imgforge::guest
