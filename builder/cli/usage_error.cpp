// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/usage_error.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "builder/base/clock.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/cli/help.hpp"
#include "builder/cli/parser.hpp"
#include "builder/cli/synonyms.hpp"

namespace imgforge::cli {
namespace {

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

std::vector<std::string> second_words(const std::string& group, const std::vector<Command>& commands) {
    std::vector<std::string> words;
    for (const Command& command : commands) {
        if (!command.hidden && command.name.starts_with(group + " ")) {
            words.push_back(command.name.substr(group.size() + 1));
        }
    }
    return words;
}

/// A mistyped option comes first, whatever CLI11 made of the words behind it.
std::optional<Error> unknown_option(const Command& command, const std::vector<std::string>& words) {
    const std::vector<std::string> known = option_names(command);
    for (const std::string& word : words) {
        const std::string name = word.substr(0, word.find('='));
        if (word == "--") {
            break;
        }
        const bool option = word.starts_with("-") && word.size() > 1 &&
                            std::isdigit(static_cast<unsigned char>(word[1])) == 0;
        if (!option || std::find(known.begin(), known.end(), name) != known.end()) {
            continue;
        }
        const auto synonym = option_synonym(command.name, name);
        const std::string advice =
            synonym ? fmt::format(" (here it is {})", *synonym) : did_you_mean(name, known);
        return Error(Failure::usage, fmt::format("'{}' has no option {}{}", command.name, name, advice),
                     fmt::format("imgforge {} --help", command.name));
    }
    return std::nullopt;
}

/// "--count" of CLI11's "--count: 1 required TEXT missing".
std::string subject_of(const CLI::ParseError& cause) {
    const std::string text = cause.what();
    return text.substr(0, text.find_first_of(": "));
}

std::string missing_value(const CLI::ParseError& cause, const Command& command) {
    const std::string subject = subject_of(cause);
    for (const auto& list : {command.options, common_options()}) {
        for (const Option& option : list) {
            if (std::find(option.names.begin(), option.names.end(), subject) != option.names.end()) {
                return fmt::format("{} needs a value: {} {}", subject, subject, option.value);
            }
        }
    }
    return fmt::format("'{}' needs {}", command.name, subject);
}

std::string missing_positional(const CLI::ParseError& cause, const Command& command) {
    const std::string subject = subject_of(cause);
    for (const Positional& positional : command.positionals) {
        if (positional.name == subject) {
            return fmt::format("'{}' needs {}: {}", command.name, subject, positional.help);
        }
    }
    return fmt::format("'{}' needs {}", command.name, subject);
}

std::string extra_words(const CLI::ParseError& cause, const Command& command) {
    const std::string text = cause.what();
    const std::size_t colon = text.find(": ");
    const std::string extra = colon == std::string::npos ? text : text.substr(colon + 2);
    return fmt::format("'{}' takes no argument '{}'", command.name, extra);
}

}  // namespace

Error unknown_command(const std::vector<std::string>& words, const std::vector<Command>& commands) {
    const std::vector<std::string> seconds = second_words(words[0], commands);
    if (!seconds.empty() && words.size() > 1 && !words[1].starts_with("-")) {
        const std::string name = words[0] + " " + words[1];
        return {Failure::usage,
                fmt::format("unknown command '{}'{}", name, did_you_mean(name, command_names(commands))),
                fmt::format("imgforge {} --help", words[0])};
    }
    if (!seconds.empty()) {
        return {Failure::usage,
                fmt::format("'{}' needs a second word: {}", words[0], fmt::join(seconds, ", ")),
                fmt::format("imgforge {} --help", words[0])};
    }
    if (const auto ours = command_synonym(words[0])) {
        return {Failure::usage, fmt::format("unknown command '{}'; here it is '{}'", words[0], *ours),
                fmt::format("imgforge {} --help", *ours)};
    }
    if (words[0].starts_with("-")) {
        return {Failure::usage, fmt::format("unknown option {} before a command", words[0]),
                "imgforge --help lists the commands and the common options"};
    }
    return {Failure::usage,
            fmt::format("unknown command '{}'{}", words[0], did_you_mean(words[0], command_names(commands))),
            "imgforge --help lists them"};
}

Error usage_error(const CLI::ParseError& cause, const Command& command,
                  const std::vector<std::string>& words) {
    const bool invalid_value = dynamic_cast<const CLI::ValidationError*>(&cause) != nullptr;
    if (!invalid_value) {
        if (auto unknown = unknown_option(command, words)) {
            return std::move(*unknown);
        }
    }
    std::string message = fmt::format("{}: {}", command.name, cause.what());
    if (invalid_value) {
        message = cause.what();
    } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&cause) != nullptr) {
        message = missing_value(cause, command);
    } else if (dynamic_cast<const CLI::RequiredError*>(&cause) != nullptr) {
        message = missing_positional(cause, command);
    } else if (dynamic_cast<const CLI::ExtrasError*>(&cause) != nullptr) {
        message = extra_words(cause, command);
    }
    return {Failure::usage, message, usage_line(command) + "   (imgforge " + command.name + " --help)"};
}

std::string time_problem(const std::string& value) {
    if (value == "off") {
        return {};  // set --ttl off
    }
    try {
        static_cast<void>(parse_duration(value));
        return {};
    } catch (const Error& error) {
        return fmt::format("{}; {}", error.message(), error.hint());
    }
}

std::string choice_problem(const std::string& value, const std::vector<std::string>& choices) {
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) {
        return {};
    }
    return fmt::format("invalid value '{}'{}; one of {}", value, did_you_mean(value, choices),
                       fmt::join(choices, ", "));
}

}  // namespace imgforge::cli
