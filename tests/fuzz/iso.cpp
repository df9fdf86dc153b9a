// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_image
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/image/iso_reader.hpp"

/// Any bytes give an image that can be listed and read, or an Error; never a crash, never a hang, never an
/// exit by libcdio.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const imgforge::Fd file(::memfd_create("iso", MFD_CLOEXEC));
    imgforge::write_all(file.get(), std::string_view(reinterpret_cast<const char*>(data), size), "iso");
    try {
        const imgforge::image::IsoReader iso("/proc/self/fd/" + std::to_string(file.get()));
        for (const imgforge::image::IsoEntry& entry : iso.walk("", 1000)) {
            if (entry.kind != imgforge::image::IsoEntry::Kind::directory) {
                static_cast<void>(iso.read_if_file(entry.path, 1U << 16U));
            }
        }
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
    return 0;
}
