// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace imgforge {

/// This host's name as the kernel has it (gethostname(2)), at most 255 bytes; empty where there is none.
std::string host_name();

}  // namespace imgforge
