// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/host_cpu.hpp"

#include <algorithm>
#include <fstream>

namespace imgforge {

std::string host_cpu_lines(std::initializer_list<std::string_view> keys) {
    std::ifstream in("/proc/cpuinfo");
    std::string facts;
    for (std::string line; std::getline(in, line) && !line.empty();) {  // a blank line ends the first CPU
        if (std::any_of(keys.begin(), keys.end(), [&](auto key) { return line.starts_with(key); })) {
            facts += line + "\n";
        }
    }
    return facts;
}

}  // namespace imgforge
