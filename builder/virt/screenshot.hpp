// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

struct _virDomain;

namespace imgforge::virt {

/// 8-bit RGB picture, rows top down.
struct Picture {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::vector<std::uint8_t> rgb;
};

/// Binary PPM (P6, maximum 255) as QEMU's screendump writes it. Throws Failure::tool for anything else.
Picture read_ppm(std::string_view bytes);

/// PNG bytes (libpng).
std::string png(const Picture& picture);

/// Screen 0 of a running domain as a PNG file; what libvirt hands over as PNG already is stored as it is.
void take_screenshot(struct _virDomain* domain, const std::filesystem::path& file);

}  // namespace imgforge::virt
