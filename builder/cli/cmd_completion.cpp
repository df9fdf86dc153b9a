// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"
#include "builder/cli/completion.hpp"

namespace imgforge::cli {

Command completion_command() {
    return {
        .name = "completion",
        .group = "Tools",
        .summary = "print the completion script for a shell",
        .description =
            "Completes commands, options, their values, and the names of images, machines and recipes that "
            "exist at that moment.",
        .positionals = {{.name = "SHELL", .help = "bash, zsh or fish", .completes = Completes::choice}},
        .examples = {{"imgforge completion bash > /etc/bash_completion.d/imgforge", "for all users of bash"},
                     {"imgforge completion fish > ~/.config/fish/completions/imgforge.fish",
                      "for one user of fish"}},
        .run = [](const Arguments& arguments, CommandContext& context) {
            const std::string shell = arguments.get_or("SHELL", "");
            const std::string script = completion_script(shell, all_commands());
            context.result({{"shell", shell}, {"script", script}}, script);
            return 0;
        }};
}

Command complete_command() {
    return {.name = "complete",
            .group = "Tools",
            .summary = "names of one kind, one per line (what the completion scripts ask for)",
            .positionals = {{.name = "KIND", .help = "image, machine or recipe"}},
            .run =
                [](const Arguments& arguments, CommandContext& context) {
                    std::string text;
                    for (const std::string& name :
                         completion_names(arguments.get_or("KIND", ""), context.places)) {
                        text += name + "\n";
                    }
                    context.result({{"names", text}}, text);
                    return 0;
                },
            .hidden = true};
}

}  // namespace imgforge::cli
