// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/parser.hpp"

#include <algorithm>
#include <deque>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "builder/cli/usage_error.hpp"

namespace imgforge::cli {
namespace {

/// Key of an option in Arguments: its first long name without dashes.
std::string key_of(const Option& option) {
    const auto found = std::find_if(option.names.begin(), option.names.end(),
                                    [](const std::string& name) { return name.starts_with("--"); });
    return found == option.names.end() ? option.names.front().substr(1) : found->substr(2);
}

/// Finds the command whose name is the first one or two words; `used` says how many words it took.
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
            if (option.value == "TIME") {
                added->check(time_problem);
            }
            if (!option.choices.empty()) {
                added->check([choices = option.choices](const std::string& value) {
                    return choice_problem(value, choices);
                });
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

/// How many words in front of the command are common options and their values ("imgforge --json list").
std::size_t leading_options(const std::vector<std::string>& words) {
    const std::vector<Option> options = common_options();
    std::size_t leading = 0;
    while (leading < words.size() && words[leading].starts_with("-")) {
        const std::string name = words[leading].substr(0, words[leading].find('='));
        const auto known = std::find_if(options.begin(), options.end(), [&](const Option& option) {
            return std::find(option.names.begin(), option.names.end(), name) != option.names.end();
        });
        if (known == options.end()) {
            break;
        }
        const bool separate = !known->value.empty() && name == words[leading];
        leading += separate ? 2 : 1;
    }
    return std::min(leading, words.size());
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

Parsed parse(const std::vector<std::string>& typed, const std::vector<Command>& commands) {
    const auto first = typed.begin() + static_cast<std::ptrdiff_t>(leading_options(typed));
    const std::vector<std::string> words(first, typed.end());
    if (words.empty()) {
        return {.kind = typed.empty() ? Parsed::Kind::overview : Parsed::Kind::help};
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
    // "images lst": the group alone is a command too, but a word behind it that it cannot take is a mistyped
    // one.
    const bool mistyped_second = command != nullptr && used == 1 && command->positionals.empty() &&
                                 is_group(rest[0], commands) && rest.size() > 1 && !rest[1].starts_with("-");
    if (command == nullptr || mistyped_second) {
        throw unknown_command(rest, commands);
    }
    if (help) {
        return {.kind = Parsed::Kind::help, .command = command};
    }
    // Common options from in front of the command go right behind it: what follows may be another program's.
    std::vector<std::string> tail(typed.begin(), first);
    tail.insert(tail.end(), rest.begin() + static_cast<std::ptrdiff_t>(used), rest.end());
    return {.kind = Parsed::Kind::run, .command = command, .arguments = parse_arguments(*command, tail)};
}

}  // namespace imgforge::cli
