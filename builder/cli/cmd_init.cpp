// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <regex>

#include "builder/base/error.hpp"
#include "builder/base/output_file.hpp"
#include "builder/base/places.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/engine/scaffold.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

/// What `extends` says: a shipped recipe by its name, another by its path from here.
std::string base_name(const std::string& wanted) {
    const fs::path file = recipe_file(wanted);
    const fs::path folder = file.parent_path();
    const fs::path recipes = data_path("pipelines/recipes");
    const bool shipped = folder == recipes || folder == recipes / "examples";
    return shipped ? file.stem().string() : file.string();
}

int run_init(const Arguments& arguments, CommandContext& context) {
    const std::string name = arguments.get_or("NAME", "my-image");
    static const std::regex valid("[a-z0-9][a-z0-9._-]{0,62}");
    if (!std::regex_match(name, valid)) {
        throw Error(Failure::usage, fmt::format("'{}' cannot be the name of an image", name),
                    "small letters, digits, dots, dashes and underscores, at most 63");
    }
    const fs::path file = name + ".recipe";
    const auto from = arguments.get("from");
    const std::string text = from ? engine::scaffold_from(name, base_name(*from)) : engine::scaffold(name);
    write_output(file, text, OutputFile::Existing::refuse, 0644);
    context.result({{"file", fs::absolute(file).string()}},
                   fmt::format("{}\nnext: imgforge validate {}\n", file.string(), file.string()));
    return 0;
}

}  // namespace

Command init_command() {
    return {
        .name = "init",
        .group = "Build",
        .summary = "write a recipe to start from",
        .description =
            "Writes NAME.recipe into the current directory: a commented recipe that builds as "
            "is. With --from it extends that recipe and contains only what differs. An existing "
            "file is never replaced.",
        .positionals = {{.name = "NAME", .help = "name of the image; default my-image", .required = false}},
        .options = {{.names = {"--from"},
                     .value = "RECIPE",
                     .help = "extend this recipe",
                     .completes = Completes::recipe}},
        .examples = {{"imgforge init web", "a new recipe web.recipe"},
                     {"imgforge init web --from debian13", "on top of a shipped one"}},
        .run = run_init,
    };
}

}  // namespace imgforge::cli
