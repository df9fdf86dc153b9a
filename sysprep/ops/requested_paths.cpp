// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"
#include "sysprep/paths.hpp"

namespace imgforge::sysprep {

Operation requested_paths_operation() {
    return {
        .name = "requested-paths",
        .heading = "Remove what --remove names",
        .reason = "only the user knows which files of an administrator clones must not share",
        .source = "the option, or `remove:` of the recipe",
        .rows = {"E5"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& pattern : cleaner.options().remove) {
                    cleaner.remove_all(below_homes(pattern, cleaner.homes()));
                }
            },
    };
}

}  // namespace imgforge::sysprep
