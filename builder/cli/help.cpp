// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/help.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/cli/columns.hpp"
#include "builder/cli/parser.hpp"

namespace imgforge::cli {
namespace {

/// Breaks text into lines of at most `width`, each after the first with `indent` blanks.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
    std::string result;
    std::size_t column = indent;
    bool first = true;
    while (!text.empty()) {
        const std::size_t space = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, space);
        if (!first && column + 1 + columns(word) > width) {
            result += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (!first) {
            result += ' ';
            ++column;
        }
        result += word;
        column += columns(word);
        first = false;
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return result;
}

constexpr std::size_t width = 80;

std::string option_left(const Option& option) {
    return fmt::format("{}{}", fmt::join(option.names, ", "), option.value.empty() ? "" : " " + option.value);
}

std::string option_lines(const std::vector<Option>& options) {
    std::size_t left = 0;
    for (const Option& option : options) {
        left = std::max(left, columns(option_left(option)));
    }
    left = std::min<std::size_t>(left, 26);
    std::string text;
    for (const Option& option : options) {
        const std::string names = option_left(option);
        std::string help = option.help;
        if (!option.choices.empty()) {
            help += fmt::format(" ({})", fmt::join(option.choices, ", "));
        }
        if (option.repeatable) {
            help += " (repeatable)";
        }
        const std::size_t used = columns(names);
        const std::string gap =
            used > left ? "\n" + std::string(left + 4, ' ') : std::string(left - used + 2, ' ');
        text += fmt::format("  {}{}{}\n", names, gap, wrap(help, left + 4, width));
    }
    return text;
}

/// Only the names: these options are the same everywhere, and `imgforge --help` says what they do.
std::string names_line(const std::vector<Option>& options) {
    std::vector<std::string> lefts;
    for (const Option& option : options) {
        // With "=", so that wrap() leaves an option and its value together.
        lefts.push_back(option.value.empty() ? option.names.front()
                                             : option.names.front() + "=" + option.value);
    }
    return fmt::format("{}", fmt::join(lefts, " "));
}

/// A line per command; those of one word ("images list", "images show") share one.
std::string group_lines(std::string_view group, const std::vector<Command>& commands) {
    std::string text;
    std::set<std::string> seen;
    for (const Command& command : commands) {
        const std::string word = command.name.substr(0, command.name.find(' '));
        if (command.hidden || command.group != group || !seen.insert(word).second) {
            continue;
        }
        std::vector<std::string> seconds;
        for (const Command& other : commands) {
            if (!other.hidden && other.name.starts_with(word + " ")) {
                seconds.push_back(other.name.substr(word.size() + 1));
            }
        }
        const std::string summary =
            seconds.empty() ? command.summary : fmt::format("{}", fmt::join(seconds, ", "));
        text += fmt::format("  {:<12} {}\n", word, wrap(summary, 15, width));
    }
    return text;
}

}  // namespace

std::string overview_text() {
    return "imgforge: from an installer ISO to running, unique virtual machines\n"
           "\n"
           "  1. imgforge doctor                 what this host can do, and what fixes it\n"
           "  2. imgforge build debian12.recipe  install, clean-up, audit: a golden image\n"
           "  3. imgforge spawn debian12 web-1   a new machine; then: imgforge ssh web-1\n"
           "\n"
           "All commands: imgforge --help    One: imgforge COMMAND --help    man imgforge\n";
}

std::string help_text(const std::vector<Command>& commands) {
    std::string text = "usage: imgforge COMMAND [options]\n";
    for (const std::string_view group : {"Build", "Images", "Machines", "Tools"}) {
        text += fmt::format("\n{}:\n{}", group, group_lines(group, commands));
    }
    return text + "\n" + wrap("Common options (man imgforge): " + names_line(common_options()), 2, width) +
           "\nExit codes: 0 ok, 1 failed, 2 usage, 3 recipe or input invalid, 4 prerequisite\n"
           "of the host missing, 5 audit or verification failed, 130 interrupted.\n"
           "Examples: imgforge build debian12 --plan    imgforge spawn debian12 web-1\n";
}

std::string group_help_text(const std::string& group, const std::vector<Command>& commands) {
    std::string text = fmt::format("usage: imgforge {} COMMAND [options]\n\n", group);
    for (const Command& command : commands) {
        if (command.name == group || command.name.starts_with(group + " ")) {
            text += fmt::format("  {:<18} {}\n", command.name, wrap(command.summary, 21, width));
        }
    }
    return text;
}

std::string usage_line(const Command& command) {
    std::string line = "imgforge " + command.name;
    for (const Positional& positional : command.positionals) {
        const std::string name = positional.name + (positional.repeatable ? "…" : "");
        line += positional.required ? " " + name : " [" + name + "]";
    }
    return command.options.empty() ? line : line + " [options]";
}

std::string command_help_text(const Command& command) {
    std::string text = fmt::format("usage: {}\n\n{}\n", usage_line(command), wrap(command.summary, 0, width));
    std::string_view description = command.description;
    while (!description.empty()) {
        const std::size_t end = std::min(description.find("\n\n"), description.size());
        std::string paragraph(description.substr(0, end));
        std::replace(paragraph.begin(), paragraph.end(), '\n', ' ');
        text += "\n" + wrap(paragraph, 0, width) + "\n";
        description.remove_prefix(std::min(end + 2, description.size()));
    }
    if (!command.positionals.empty()) {
        text += "\n";
        for (const Positional& positional : command.positionals) {
            text += fmt::format("  {:<14} {}\n", positional.name, wrap(positional.help, 17, width));
        }
    }
    if (!command.options.empty()) {
        text += "\nOptions:\n" + option_lines(command.options);
    }
    text += "\n" + wrap("Common: " + names_line(common_options()), 8, width) + "\n";
    if (!command.examples.empty()) {
        text += "\nExamples:\n";
        for (const Example& example : command.examples) {
            text += fmt::format("  {}\n", example.line);
            text += example.what.empty() ? "" : fmt::format("      {}\n", example.what);
        }
    }
    return text;
}

}  // namespace imgforge::cli
