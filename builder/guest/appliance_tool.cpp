// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance_tool.hpp"

#include <fmt/format.h>

#include <array>
#include <regex>
#include <sstream>

#include "builder/base/log.hpp"
#include "builder/guest/guestfs_library.hpp"

namespace imgforge::guest {

std::string drive_label(std::size_t index) {
    // sda … sdz, sdaa …: the same letters after "disk".
    std::string letters;
    for (std::size_t rest = index + 1; rest > 0; rest = (rest - 1) / 26) {
        letters.insert(letters.begin(), static_cast<char>('a' + (rest - 1) % 26));
    }
    return "disk" + letters;
}

std::string device_node(const std::string& device) {
    static const std::regex disk("/dev/sd([a-z]+)([0-9]*)");
    std::smatch match;
    return std::regex_match(device, match, disk) ? "/dev/disk/guestfs/disk" + match[1].str() + match[2].str()
                                                 : device;
}

std::optional<std::string> run_tool(Appliance& appliance, const std::string& line,
                                    std::chrono::seconds deadline) {
    std::string copy = line;
    std::array<char*, 2> arguments{copy.data(), nullptr};
    char* const output = appliance.attempt(
        line, [&](guestfs_h* g) { return guestfs_debug(g, "sh", arguments.data()); }, deadline);
    if (output == nullptr) {
        log::debug(fmt::format("appliance: {}: {}", line, appliance.last_error()));
        return std::nullopt;
    }
    return take_string(output);
}

namespace {

/// libguestfs up to 1.50 translates only names that begin with the device when it answers (its
/// daemon/device-name-translation.c).
bool leaks_kernel_names(const Appliance& appliance) {
    struct guestfs_version* const version = imgforge::guestfs_version(appliance.handle());
    if (version == nullptr) {
        return false;
    }
    const bool leaks = version->major == 1 && version->minor <= 50;
    guestfs_free_version(version);
    return leaks;
}

}  // namespace

std::string with_stable_device(Appliance& appliance, const std::string& mountable) {
    static const std::regex subvolume("btrfsvol:/dev/(sd[a-z]+)([0-9]*)(/.*)");
    std::smatch match;
    if (!leaks_kernel_names(appliance) || !std::regex_match(mountable, match, subvolume)) {
        return mountable;
    }
    // "diskb sdc": label and kernel name of each whole disk.
    const auto links = run_tool(
        appliance,
        "cd /dev/disk/guestfs && for label in disk*; do echo $label $(basename $(readlink $label)); done");
    std::istringstream lines(links.value_or(""));
    for (std::string label, kernel; lines >> label >> kernel;) {
        if (kernel == match[1].str() && label.starts_with("disk")) {
            return "btrfsvol:/dev/sd" + label.substr(4) + match[2].str() + match[3].str();
        }
    }
    return mountable;
}

}  // namespace imgforge::guest
