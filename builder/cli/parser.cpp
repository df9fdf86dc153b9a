// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/parser.hpp"

#include <algorithm>
#include <deque>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::cli {
namespace {

/// Key of an option in Arguments: its first long name without dashes.
std::string key_of(const Option& option) {
    const auto found = std::find_if(option.names.begin(), option.names.end(),
                                    [](const std::string& name) { return name.starts_with("--"); });
    return found == option.names.end() ? option.names.front().substr(1) : found->substr(2);
}

std::vector<std::string> option_names(const Command& command) {
    std::vector<std::string> names{"--help"};
    for (const auto& list : {command.options, common_options()}) {
        for (const Option& option : list) {
            names.insert(names.end(), option.names.begin(), option.names.end());
        }
    }
    return names;
}

/// Full names of the commands, and their first words.
std::vector<std::string> command_names(const std::vector<Command>& commands) {
    std::vector<std::string> names;
    for (const Command& command : commands) {
        if (!command.hidden) {
            names.push_back(command.name);
            names.push_back(command.name.substr(0, command.name.find(' ')));
        }
    }
    return names;
}

/// Finds the command whose name is the first one or two words; tells how many words it took.
const Command* find_command(const std::vector<std::string>& words, const std::vector<Command>& commands,
                            std::size_t& used) {
    for (const std::size_t count : {2U, 1U}) {
        if (words.size() < count) {
            continue;
        }
        const std::string name = count == 2 ? words[0] + " " + words[1] : words[0];
        for (const Command& command : commands) {
            if (command.name == name) {
                used = count;
                return &command;
            }
        }
    }
    return nullptr;
}

bool is_group(const std::string& word, const std::vector<Command>& commands) {
    return std::any_of(commands.begin(), commands.end(),
                       [&](const Command& command) { return command.name.starts_with(word + " "); });
}

Error unknown_command(const std::vector<std::string>& words, const std::vector<Command>& commands) {
    const bool group = is_group(words[0], commands);
    if (group && words.size() > 1 && !words[1].starts_with("-")) {
        const std::string name = words[0] + " " + words[1];
        return {Failure::usage,
                fmt::format("there is no command '{}'{}", name, did_you_mean(name, command_names(commands))),
                fmt::format("imgforge {} --help", words[0])};
    }
    if (group) {
        return {Failure::usage, fmt::format("'{}' needs a second word", words[0]),
                fmt::format("imgforge {} --help", words[0])};
    }
    return {
        Failure::usage,
        fmt::format("there is no command '{}'{}", words[0], did_you_mean(words[0], command_names(commands))),
        "imgforge --help lists them"};
}

/// The CLI11 view of one command, with the storage its options write to (deques: addresses stay).
struct Bound {
    CLI::App app;
    std::deque<std::pair<std::string, std::string>> single;
    std::deque<std::pair<std::string, std::vector<std::string>>> repeated;
    std::deque<std::pair<std::string, bool>> flags;
    std::vector<std::pair<std::string, CLI::Option*>> given;  ///< to tell "" from absent
};

/// One option or positional that takes values.
CLI::Option* bind_value(Bound& bound, const std::string& key, const std::string& names, bool repeatable) {
    CLI::Option* added = nullptr;
    if (repeatable) {
        bound.repeated.emplace_back(key, std::vector<std::string>{});
        added = bound.app.add_option(names, bound.repeated.back().second);
    } else {
        bound.single.emplace_back(key, std::string());
        added = bound.app.add_option(names, bound.single.back().second);
    }
    bound.given.emplace_back(key, added);
    return added;
}

void bind(Bound& bound, const Command& command) {
    bound.app.set_help_flag();
    bound.app.allow_extras(false);
    for (const auto& list : {command.options, common_options()}) {
        for (const Option& option : list) {
            const std::string names = fmt::format("{}", fmt::join(option.names, ","));
            if (option.value.empty()) {
                bound.flags.emplace_back(key_of(option), false);
                bound.app.add_flag(names, bound.flags.back().second);
                continue;
            }
            CLI::Option* const added = bind_value(bound, key_of(option), names, option.repeatable);
            // One value per mention: "--network nat web-1" must leave web-1 to the positionals.
            added->expected(1);
            if (option.repeatable) {
                added->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
            }
            if (!option.choices.empty()) {
                added->check(CLI::IsMember(option.choices));
            }
        }
    }
    for (const Positional& positional : command.positionals) {
        CLI::Option* const added = bind_value(bound, positional.name, positional.name, positional.repeatable);
        added->required(positional.required);
        if (positional.repeatable) {
            added->expected(positional.required ? 1 : 0, 100000);
        }
    }
}

/// CLI11's words made ours: names the option with its nearest neighbour, and the next step.
Error usage_error(const CLI::ParseError& fault, const Command& command,
                  const std::vector<std::string>& words) {
    const std::string hint = fmt::format("imgforge {} --help", command.name);
    // A mistyped option is told first, whatever CLI11 made of the words behind it.
    if (dynamic_cast<const CLI::ValidationError*>(&fault) == nullptr) {
        const std::vector<std::string> known = option_names(command);
        for (const std::string& word : words) {
            const std::string name = word.substr(0, word.find('='));
            if (word == "--") {
                break;
            }
            if (word.starts_with("-") && word.size() > 1 &&
                std::isdigit(static_cast<unsigned char>(word[1])) == 0 &&
                std::find(known.begin(), known.end(), name) == known.end()) {
                return {Failure::usage,
                        fmt::format("'{}' has no option {}{}", command.name, name, did_you_mean(name, known)),
                        hint};
            }
        }
    }
    return {Failure::usage, fmt::format("{}: {}", command.name, fault.what()), hint};
}

/// A command whose last positional is COMMAND hands everything behind its first one on, options included:
/// they are another program's. Long options right behind it are still ours ("imgforge ssh web-1 --user
/// root"). Returns what is handed on and takes it out of `words`.
std::vector<std::string> take_foreign(const Command& command, std::vector<std::string>& words) {
    if (command.positionals.empty() || command.positionals.back().name != "COMMAND") {
        return {};
    }
    const auto takes_value = [&](const std::string& word) {
        for (const auto& list : {command.options, common_options()}) {
            for (const Option& option : list) {
                if (!option.value.empty() &&
                    std::find(option.names.begin(), option.names.end(), word) != option.names.end()) {
                    return true;
                }
            }
        }
        return false;
    };
    bool named = false;
    std::size_t at = 0;
    for (; at < words.size(); ++at) {
        const std::string& word = words[at];
        const bool ours = named ? word.starts_with("--") && word.size() > 2 : word.starts_with("-");
        if (!ours && named) {
            break;
        }
        named = named || !ours;
        at += ours && takes_value(word) ? std::size_t{1} : std::size_t{0};
    }
    at = std::min(at, words.size());
    std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    words.resize(at);
    return rest;
}

Arguments parse_arguments(const Command& command, std::vector<std::string> words) {
    const std::vector<std::string> foreign = take_foreign(command, words);
    Bound bound;
    bind(bound, command);
    const std::vector<std::string> original = words;
    std::reverse(words.begin(), words.end());  // CLI11 takes the words last first
    try {
        bound.app.parse(words);
    } catch (const CLI::ParseError& fault) {
        throw usage_error(fault, command, original);
    }
    Arguments arguments;
    for (const auto& [key, option] : bound.given) {
        if (option->count() > 0) {
            arguments.values[key] = {};
        }
    }
    for (const auto& [key, value] : bound.single) {
        if (arguments.has(key)) {
            arguments.values[key] = {value};
        }
    }
    for (const auto& [key, list] : bound.repeated) {
        if (arguments.has(key)) {
            arguments.values[key] = list;
        }
    }
    if (!foreign.empty()) {
        arguments.values[command.positionals.back().name] = foreign;
    }
    for (const auto& [key, set] : bound.flags) {
        if (set) {
            arguments.values[key] = {"true"};
        }
    }
    return arguments;
}

/// Without the words that are handed on to another program.
std::vector<std::string> own_words(const Command* command, const std::vector<std::string>& words,
                                   std::size_t used) {
    if (command == nullptr) {
        return words;
    }
    std::vector<std::string> own(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
    static_cast<void>(take_foreign(*command, own));
    return own;
}

bool wants_help(const std::vector<std::string>& words) {
    // Behind "--" words belong to somebody else (imgforge ssh NAME -- CMD --help).
    const auto end = std::find(words.begin(), words.end(), "--");
    return std::any_of(words.begin(), end,
                       [](const std::string& word) { return word == "--help" || word == "-h"; });
}

}  // namespace

std::vector<Option> common_options() {
    return {
        {.names = {"--json"}, .help = "print the result as one JSON object on stdout"},
        {.names = {"--events"}, .help = "progress as JSON lines on stderr"},
        {.names = {"--connect", "-c"},
         .value = "URI",
         .help = "libvirt connection (default: LIBVIRT_DEFAULT_URI, settings, qemu:///system, else the "
                 "embedded driver)",
         .completes = Completes::connection},
        {.names = {"--quiet", "-q"}, .help = "no progress, only warnings and the result"},
        {.names = {"--verbose", "-v"}, .help = "the debug log on stderr as well"},
    };
}

Parsed parse(const std::vector<std::string>& words, const std::vector<Command>& commands) {
    if (words.empty()) {
        return {};
    }
    if (words[0] == "--version" || words[0] == "-V" || words[0] == "version") {
        return {.kind = Parsed::Kind::version};
    }
    const bool help_word = words[0] == "help" || words[0] == "--help" || words[0] == "-h";
    const std::vector<std::string> rest(words.begin() + (help_word ? 1 : 0), words.end());
    if (rest.empty()) {
        return {.kind = Parsed::Kind::help};
    }
    std::size_t used = 0;
    const Command* const command = find_command(rest, commands, used);
    const bool help = help_word || wants_help(own_words(command, rest, used));
    if (help && (command == nullptr || (used == 1 && is_group(rest[0], commands))) &&
        is_group(rest[0], commands)) {
        return {.kind = Parsed::Kind::help, .help_group = rest[0]};
    }
    if (command == nullptr) {
        throw unknown_command(rest, commands);
    }
    if (help) {
        return {.kind = Parsed::Kind::help, .command = command};
    }
    const std::vector<std::string> tail(rest.begin() + static_cast<std::ptrdiff_t>(used), rest.end());
    return {.kind = Parsed::Kind::run, .command = command, .arguments = parse_arguments(*command, tail)};
}

}  // namespace imgforge::cli
