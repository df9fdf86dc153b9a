// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"

namespace imgforge::cli {
namespace {

/// What stands behind the machine's name: options of ssh(1), then the command.
struct Handed {
    std::vector<std::string> options{};
    std::vector<std::string> command{};
};

Handed split(const std::vector<std::string>& words) {
    // ssh(1), SYNOPSIS: options that take a value.
    constexpr std::string_view with_value = "BbcDEeFIiJLlmOopQRSWw";
    Handed handed;
    std::size_t at = 0;
    for (; at < words.size() && words[at].starts_with("-") && words[at].size() > 1; ++at) {
        if (words[at] == "--") {
            ++at;
            break;
        }
        handed.options.push_back(words[at]);
        const bool value_follows =
            words[at].size() == 2 && with_value.find(words[at][1]) != std::string::npos;
        if (value_follows && at + 1 < words.size()) {
            handed.options.push_back(words[++at]);
        }
    }
    if (at < words.size() && words[at] == "--") {
        ++at;
    }
    handed.command.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    return handed;
}

/// The words as one command line for the guest's shell. A single word is passed as it is, as ssh(1) does with
/// a quoted line.
std::string guest_command(const std::vector<std::string>& words) {
    if (words.size() == 1) {
        return words.front();
    }
    std::string line;
    for (const auto& word : words) {
        line += (line.empty() ? "" : " ") + shell_quote(word);
    }
    return line;
}

int run_ssh(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const auto record = machines.require(arguments.get_or("NAME", ""));
    auto target = machines.ssh_target(record, lifecycle::reachable_address(machines, record));
    target.user = arguments.get_or("user", target.user);
    const Handed handed = split(arguments.all("COMMAND"));
    std::vector<std::string> words = {"ssh"};
    // In front of ours: of an option given twice ssh(1) takes the first.
    words.insert(words.end(), handed.options.begin(), handed.options.end());
    for (auto& word : lifecycle::ssh_arguments(target, guest_command(handed.command), false)) {
        words.push_back(std::move(word));
    }
    if (context.json) {
        context.result({{"command", words}}, "");
        return 0;
    }
    std::vector<char*> argv;
    for (auto& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    // ssh takes over this process: its terminal, its signals and its exit code are the user's.
    execvp("ssh", argv.data());
    throw Error(Failure::host, fmt::format("cannot run ssh: {}", errno_text(errno)),
                "apt-get install openssh-client");
}

}  // namespace

Command ssh_command() {
    return {.name = "ssh",
            .group = "Machines",
            .summary = "log in, or run a command there",
            .description =
                "Uses the store's own key and verifies the host key generated for the machine "
                "before its first boot: nothing prompts, and nothing is trusted on first use. "
                "The exit code is that of ssh. Everything after NAME is passed to ssh(1): its "
                "options first, then the command with its own.",
            .positionals = {machine_positional(),
                            {.name = "COMMAND",
                             .help = "[ssh options] [--] command; without: a shell",
                             .required = false,
                             .repeatable = true}},
            .options = {{.names = {"--user"}, .value = "NAME", .help = "log in as this user"}},
            .examples = {{"imgforge ssh web-1", "a shell"},
                         {"imgforge ssh web-1 systemctl --failed", "one command"},
                         {"imgforge ssh web-1 -L 8080:localhost:80 -N", "a tunnel"}},
            .run = run_ssh};
}

}  // namespace imgforge::cli
