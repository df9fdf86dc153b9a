// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::guest {

/// os-release(5) and shell-like KEY=VALUE files: quotes and backslashes removed; later lines win.
std::map<std::string, std::string> parse_key_values(std::string_view text);

struct FstabEntry {
    std::string spec;         ///< UUID=…, /dev/…, LABEL=…
    std::string mount_point;  ///< octal escapes (\040) decoded
    std::string type;
    std::vector<std::string> options;
    /// Value of option `name=`; "" when absent or without value.
    std::string option(std::string_view name) const;
    bool has(std::string_view name) const;
};

/// fstab(5).
std::vector<FstabEntry> parse_fstab(std::string_view text);

/// ID and ID_LIKE of os-release as (libguestfs' distro name, our family).
std::pair<std::string, std::string> distro_of(const std::map<std::string, std::string>& os_release);

}  // namespace imgforge::guest
