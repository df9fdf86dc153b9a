// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/volume_name.hpp"

#include <fmt/format.h>

#include "builder/base/digest.hpp"

namespace imgforge::store {

std::string volume_name(const Generation& generation) {
    // A chain is folded into one file on the way; its name is that of what it was made from.
    return fmt::format("imgforge-{}.qcow2",
                       sha256_hex(generation.image + "/" + generation.sha256).substr(0, 24));
}

}  // namespace imgforge::store
