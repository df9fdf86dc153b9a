// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/time_zone.hpp"

#include <filesystem>
#include <system_error>

namespace imgforge {

bool is_time_zone(std::string_view name) {
    const std::filesystem::path zones = "/usr/share/zoneinfo";
    std::error_code code;
    if (name.empty() || name.front() == '/' || name.find("..") != std::string_view::npos) {
        return false;
    }
    return !std::filesystem::exists(zones / "UTC", code) ||
           std::filesystem::is_regular_file(zones / name, code);
}

}  // namespace imgforge
