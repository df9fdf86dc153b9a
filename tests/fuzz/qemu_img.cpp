// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_image
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/image/qemu_img.hpp"

namespace {

/// What the parsers do not like ends in an Error, whatever it is.
template <class Parse>
void refuse_or_read(Parse parse, std::string_view text) {
    try {
        static_cast<void>(parse(text));
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
}

}  // namespace

/// qemu-img's JSON: its names, formats and backing files come out of the image.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace qemu_img = imgforge::image::qemu_img;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    refuse_or_read(qemu_img::parse_info, text);
    refuse_or_read(qemu_img::parse_check, text);
    refuse_or_read(qemu_img::parse_measure, text);
    refuse_or_read(qemu_img::parse_map, text);
    refuse_or_read(qemu_img::parse_progress, text);
    return 0;
}
