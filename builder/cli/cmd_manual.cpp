// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/manual.hpp"
#include "pipelines/lifecycle/lab/lab_file.hpp"

namespace imgforge::cli {

Command manual_command() {
    return {.name = "manual",
            .group = "Tools",
            .summary = "write the manual pages into a directory (used by the installation)",
            .positionals = {{.name = "FOLDER", .help = "where the pages go", .completes = Completes::folder}},
            .run =
                [](const Arguments& arguments, CommandContext& context) {
                    const std::filesystem::path folder = arguments.get_or("FOLDER", ".");
                    make_directories(folder);
                    Json names = Json::array();
                    std::map<std::string, std::string> pages = manual_pages(all_commands());
                    const engine::RecipeRules rules = recipe_rules();
                    pages["imgforge.recipe.5"] =
                        recipe_page(engine::recipe_schema(rules.types, rules.known_os));
                    pages["imgforge.config.5"] = settings_page(settings_schema());
                    pages["imgforge.lab.5"] = lab_page(lifecycle::lab_schema());
                    pages["config.yaml"] = settings_file(settings_schema());
                    for (const auto& [name, text] : pages) {
                        write_file_atomically(folder / name, text);
                        names.push_back(name);
                    }
                    context.result({{"pages", names}},
                                   fmt::format("{} pages in {}", names.size(), folder.string()));
                    return 0;
                },
            .hidden = true};
}

}  // namespace imgforge::cli
