// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace imgforge {

/// The lines of /proc/cpuinfo about the first CPU that begin with one of `keys` ("flags", "model" with "model
/// name"), in its order: what saved memory of a guest depends on. Empty without that file.
std::string host_cpu_lines(std::initializer_list<std::string_view> keys);

}  // namespace imgforge
