// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance_tool.hpp"

#include <fmt/format.h>
#include <guestfs.h>

#include <array>
#include <regex>

#include "builder/base/log.hpp"

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
    return std::regex_match(device, match, disk) ? "/dev/disk/guestfs/disk" + match[1].str() + match[2].str() : device;
}

std::optional<std::string> run_tool(Appliance& appliance, const std::string& line, std::chrono::seconds deadline) {
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

}  // namespace imgforge::guest
