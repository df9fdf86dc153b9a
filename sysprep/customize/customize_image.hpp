// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "sysprep/customize/customize.hpp"
#include "sysprep/sysprep_image.hpp"

namespace imgforge::sysprep {

/// Customises an image named by the user: one launch on an overlay, then a new file in place of the image (or
/// `output`). On failure the image is as it was.
CustomizeReport customize_image(const ImageRequest& request, const CustomizeSpec& spec,
                                const std::filesystem::path& logs, ProcessRunner& processes,
                                Monitor& monitor);

}  // namespace imgforge::sysprep
