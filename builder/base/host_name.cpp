// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/host_name.hpp"

#include <unistd.h>

#include <array>

namespace imgforge {

std::string host_name() {
    std::array<char, 256> name{};  // HOST_NAME_MAX is 64 on Linux; a name that is cut need not end in a zero,
                                   // so the last byte stays ours
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

}  // namespace imgforge
