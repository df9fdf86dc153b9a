// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_base PkgConfig::LIBVIRT PkgConfig::PNG
// FILES: builder/virt/screenshot.cpp builder/virt/virt_error.cpp
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/virt/screenshot.hpp"

/// A picture of a guest's screen: size and bytes are what the guest made of them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const imgforge::virt::Picture picture =
            imgforge::virt::read_ppm({reinterpret_cast<const char*>(data), size});
        if (picture.rgb.size() != std::size_t{picture.width} * picture.height * 3) {
            std::abort();
        }
        static_cast<void>(imgforge::virt::png(picture));
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
    return 0;
}
