// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_seeds
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/base/error.hpp"
#include "seeds/vfat_reader.hpp"

/// A seed on a FAT file system made by anybody.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view image(reinterpret_cast<const char*>(data), size);
    try {
        std::string label;
        for (const auto& [path, bytes] : imgforge::seeds::read_vfat(image, label)) {
            if (path.empty() || path.front() == '/' || ("/" + path + "/").find("/../") != std::string::npos) {
                std::abort();  // a name that leads out of its directory
            }
        }
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
    return 0;
}
