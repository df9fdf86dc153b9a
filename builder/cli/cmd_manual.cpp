// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/manual.hpp"

namespace imgforge::cli {

Command manual_command() {
    return {.name = "manual",
            .group = "Tools",
            .summary = "write the manual pages into a folder (used by the installation)",
            .positionals = {{.name = "FOLDER", .help = "where the pages go", .completes = Completes::folder}},
            .run =
                [](const Arguments& arguments, CommandContext& context) {
                    const std::filesystem::path folder = arguments.get_or("FOLDER", ".");
                    make_directories(folder);
                    Json names = Json::array();
                    for (const auto& [name, text] : manual_pages(all_commands())) {
                        write_file_atomically(folder / name, text);
                        names.push_back(name);
                    }
                    context.result({{"pages", names}}, fmt::format("{} pages in {}", names.size(), folder.string()));
                    return 0;
                },
            .hidden = true};
}

}  // namespace imgforge::cli
