// SPDX-License-Identifier: GPL-3.0-or-later
// What a new user meets: overview, help, manual pages, completion. Over all commands, so that a new one
// cannot leave the line.
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/completion.hpp"
#include "builder/cli/help.hpp"
#include "builder/cli/manual.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/lifecycle/lab/lab_file.hpp"
#include "tests/support/require.hpp"

namespace imgforge::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Longest line, as a terminal counts.
std::size_t widest(const std::string& text) {
    std::size_t widest = 0;
    std::size_t column = 0;
    for (const char c : text) {
        const bool first_byte = (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
        column = c == '\n' ? 0 : column + (first_byte ? 1 : 0);
        widest = std::max(widest, column);
    }
    return widest;
}

std::string recipe_manual() {
    const engine::RecipeRules rules = recipe_rules();
    return recipe_page(engine::recipe_schema(rules.types, rules.known_os));
}

TEST(Overview, shows_the_three_steps_on_one_screen) {
    EXPECT_THAT(overview_text(), HasSubstr("1. imgforge doctor"));
    EXPECT_THAT(overview_text(), HasSubstr("2. imgforge build"));
    EXPECT_THAT(overview_text(), HasSubstr("3. imgforge spawn"));
    EXPECT_LE(lines_of(overview_text()), 24U);
    EXPECT_LE(widest(overview_text()), 80U);
}

TEST(Overview, lists_every_command_on_a_screen) {
    const std::string help = help_text(all_commands());
    EXPECT_LE(lines_of(help), 72U);
    EXPECT_LE(widest(help), 80U);
    for (const Command& command : all_commands()) {
        const std::size_t space = command.name.find(' ');
        if (!command.hidden) {
            EXPECT_THAT(help, HasSubstr("\n  " + command.name.substr(0, space) + " "));
            EXPECT_THAT(help, HasSubstr(space == std::string::npos ? "" : command.name.substr(space + 1)));
        }
    }
}

TEST(Help, every_command_fits_a_screen_and_has_an_example) {
    for (const Command& command : all_commands()) {
        if (command.hidden) {
            continue;
        }
        // What these take needs more words than a screen holds; all others fit one.
        const std::map<std::string, std::size_t> longer = {{"spawn", 100},    {"seed create", 84},
                                                           {"customize", 94}, {"sysprep", 56},
                                                           {"audit", 54},     {"build", 52}};
        const std::size_t most = longer.count(command.name) != 0 ? longer.at(command.name) : 48;
        EXPECT_LE(lines_of(command_help_text(command)), most) << command.name;
        EXPECT_LE(widest(command_help_text(command)), 80U) << command.name;
        EXPECT_FALSE(command.examples.empty()) << command.name;
        for (const Example& example : command.examples) {
            EXPECT_THAT(example.line, HasSubstr("imgforge")) << command.name;
        }
    }
}

TEST(RecipeManual, names_every_key_and_stage_type) {
    const std::string page = recipe_manual();

    EXPECT_THAT(page, HasSubstr(".SS customize"));
    EXPECT_THAT(page, HasSubstr(".SS publish"));
    for (const char* const key : {"sha256", "firmware", "packages", "keep"}) {
        EXPECT_THAT(page, HasSubstr(std::string("\\fB") + key + "\\fR")) << key;
    }
}

TEST(SettingsManual, names_every_key_at_every_depth) {
    const std::string page = settings_page(settings_schema());

    for (const char* const key : {"connection", "NAME", "pool", "vcpus", "command", "max\\-age"}) {
        EXPECT_THAT(page, HasSubstr(std::string("\\fB") + key + "\\fR")) << key;
    }
    EXPECT_THAT(page, HasSubstr("One of: auto, kvm, tcg."));
}

TEST(LabManual, names_every_key_at_every_depth) {
    const std::string page = lab_page(lifecycle::lab_schema());

    for (const char* const key : {"machines", "networks", "NAME", "needs", "subnet", "user\\-data", "ttl"}) {
        EXPECT_THAT(page, HasSubstr(std::string("\\fB") + key + "\\fR")) << key;
    }
}

TEST(Manual, man_finds_no_fault_in_any_page) {
    if (!find_program("man")) {
        IMGFORGE_SKIP("unit", "man is missing");
    }
    const TempDir folder("manual");
    std::map<std::string, std::string> pages = manual_pages(all_commands());
    pages["imgforge.recipe.5"] = recipe_manual();
    pages["imgforge.config.5"] = settings_page(settings_schema());
    pages["imgforge.lab.5"] = lab_page(lifecycle::lab_schema());
    for (const auto& [name, text] : pages) {
        write_file_atomically(folder / name, text);
        SystemProcessRunner runner;
        const auto shown = runner.run(
            {.program = "man", .args = {"--warnings=w", "-E", "UTF-8", "-l", (folder / name).string()}});
        EXPECT_TRUE(shown.ok()) << name;
        EXPECT_THAT(shown.err, Not(HasSubstr("warning"))) << name;
    }
}

TEST(Completion, offers_images_and_machines_of_the_store) {
    const TempDir home("completion");
    make_directories(home / "images/debian13/1");
    make_directories(home / "instances/web-1");
    const Places places{.home = home.path()};

    EXPECT_THAT(completion_names("image", places), ElementsAre("debian13"));
    EXPECT_THAT(completion_names("machine", places), ElementsAre("web-1"));
    EXPECT_THAT(completion_names("recipe", places), Contains("debian13.recipe"));
}

/// What bash offers for the words of a command line, with `imgforge complete` answered by a stand-in.
std::string offered(const std::string& words) {
    const TempDir folder("bash");
    write_file_atomically(
        folder / "imgforge",
        "#!/bin/sh\ncase \"$*\" in 'complete image') echo debian13;; 'complete machine') echo web-1; esac\n",
        0755);
    write_file_atomically(folder / "script", completion_script("bash", all_commands()));
    SystemProcessRunner runner;
    const std::string run = "PATH=" + folder.path().string() + ":$PATH; . " + (folder / "script").string() +
                            "; COMP_WORDS=(" + words +
                            "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _imgforge; echo \"${COMPREPLY[*]}\"";
    return run_checked(runner, {.program = "bash", .args = {"-c", run}}).out;
}

TEST(Completion, bash_completes_commands_options_images_and_machines) {
    EXPECT_THAT(offered("imgforge spa"), HasSubstr("spawn"));
    EXPECT_THAT(offered("imgforge images pro"), HasSubstr("promote"));
    EXPECT_THAT(offered("imgforge spawn --mem"), HasSubstr("--memory"));
    EXPECT_THAT(offered("imgforge spawn deb"), HasSubstr("debian13"));
    EXPECT_THAT(offered("imgforge ssh we"), HasSubstr("web-1"));
    EXPECT_THAT(offered("imgforge seed create --datasource conf"), HasSubstr("configdrive"));
}

}  // namespace
}  // namespace imgforge::cli
