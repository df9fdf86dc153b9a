// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/image_argument.hpp"

namespace imgforge::cli {

std::vector<Option> image_opening_options() {
    return {{.names = {"--format"},
             .value = "FORMAT",
             .help = "format of IMAGE, instead of what its header says",
             .choices = {"qcow2", "raw"},
             .completes = Completes::choice},
            {.names = {"--backing-file"},
             .value = "FILE",
             .help = "a backing file of IMAGE",
             .repeatable = true,
             .completes = Completes::file}};
}

std::vector<std::filesystem::path> stated_backing_files(const Arguments& arguments) {
    const auto given = arguments.all("backing-file");
    return {given.begin(), given.end()};
}

std::vector<std::filesystem::path> image_stores(const Places& places) {
    return {places.images(), places.instances(), places.stages()};
}

image::OpenedImage open_named_image(const Arguments& arguments, const CommandContext& context,
                                    const std::filesystem::path& file) {
    const auto format = arguments.get("format");
    return image::open_image(
        *context.processes,
        {.file = file,
         .format = format ? std::optional(image::parse_disk_format(*format)) : std::nullopt,
         .backing_files = stated_backing_files(arguments),
         .stores = image_stores(context.places)});
}

}  // namespace imgforge::cli
