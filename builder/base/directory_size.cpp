// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/directory_size.hpp"

#include <system_error>

#include "builder/base/file.hpp"

namespace imgforge {

std::uint64_t allocated_in(const std::filesystem::path& directory) {
    std::uint64_t bytes = 0;
    std::error_code gone;
    for (auto entry = std::filesystem::directory_iterator(directory, gone);
         !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
        bytes += allocated_size(entry->path());
    }
    return bytes;
}

}  // namespace imgforge
