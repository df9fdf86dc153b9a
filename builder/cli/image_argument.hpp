// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "builder/cli/command.hpp"
#include "builder/image/open_image.hpp"

namespace imgforge::cli {

/// --format, and --backing-file FILE, repeatable: the chain of the image the command works on.
std::vector<Option> image_opening_options();

/// The values of --backing-file.
std::vector<std::filesystem::path> stated_backing_files(const Arguments& arguments);

/// image::open_image with what --format and --backing-file say. Images of the store may stand on each other.
image::OpenedImage open_named_image(const Arguments& arguments, const CommandContext& context,
                                    const std::filesystem::path& file);

/// The directories whose images were made here and may refer to each other.
std::vector<std::filesystem::path> image_stores(const Places& places);

}  // namespace imgforge::cli
