// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/output_file.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/compose/format.hpp"

namespace imgforge::cli {
namespace {

constexpr std::size_t recipe_bytes = 4U << 20U;

int run_fmt(const Arguments& arguments, CommandContext& context) {
    const bool check = arguments.has("check");
    Json files = Json::array();
    std::string text;
    bool changed = false;
    for (const std::string& name : arguments.all("FILE")) {
        const std::string before = read_file(name, recipe_bytes);
        const std::string after = compose::formatted(before, name);
        files.push_back({{"path", name}, {"changed", after != before}});
        if (after == before) {
            continue;
        }
        changed = true;
        text += name + "\n";
        if (!check) {
            write_output(name, after, OutputFile::Existing::replace);
        }
    }
    context.result({{"files", std::move(files)}}, text);
    return check && changed ? static_cast<int>(ExitCode::failed) : 0;
}

}  // namespace

Command fmt_command() {
    return {
        .name = "fmt",
        .group = "Build",
        .summary = "format recipes",
        .description =
            "Two spaces per level, lists below their key, no trailing whitespace. Comments, "
            "quotes and key order are kept, and the meaning never changes: the result is parsed "
            "and compared before it is written. Prints the files that changed.",
        .positionals = {{.name = "FILE",
                         .help = "recipe or file of variables",
                         .repeatable = true,
                         .completes = Completes::file}},
        .options = {{.names = {"--check"}, .help = "change nothing; exit 1 when a file would change"}},
        .examples = {{"imgforge fmt *.recipe", "format all recipes here"},
                     {"imgforge fmt --check *.recipe", "for CI"}},
        .run = run_fmt,
    };
}

}  // namespace imgforge::cli
