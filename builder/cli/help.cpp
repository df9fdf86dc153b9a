// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/help.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

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
        if (!first && column + 1 + word.size() > width) {
            result += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (!first) {
            result += ' ';
            ++column;
        }
        result += word;
        column += word.size();
        first = false;
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return result;
}

constexpr std::size_t width = 100;

std::string option_left(const Option& option) {
    return fmt::format("{}{}", fmt::join(option.names, ", "), option.value.empty() ? "" : " " + option.value);
}

std::string option_lines(const std::vector<Option>& options) {
    std::size_t left = 0;
    for (const Option& option : options) {
        left = std::max(left, option_left(option).size());
    }
    left = std::min<std::size_t>(left, 30);
    std::string text;
    for (const Option& option : options) {
        const std::string names = option_left(option);
        std::string help = option.help;
        if (!option.choices.empty()) {
            help += fmt::format(" ({})", fmt::join(option.choices, ", "));
        }
        if (option.repeatable) {
            help += " (may be given again)";
        }
        const std::string gap = names.size() > left ? "\n" + std::string(left + 4, ' ') : std::string(left - names.size() + 2, ' ');
        text += fmt::format("  {}{}{}\n", names, gap, wrap(help, left + 4, width));
    }
    return text;
}

}  // namespace

std::string overview_text() {
    return "imgforge: from a distribution's installer ISO to running, unique virtual machines\n"
           "\n"
           "  1. imgforge doctor                   what this host can do, and how to mend what it cannot\n"
           "  2. imgforge build debian12.recipe    unattended install, clean-up, audit: a golden image\n"
           "  3. imgforge spawn debian12 web-1     a new machine from it in seconds; then: imgforge ssh web-1\n"
           "\n"
           "All commands: imgforge --help     One command: imgforge COMMAND --help     Manual: man imgforge\n";
}

std::string help_text(const std::vector<Command>& commands) {
    std::vector<std::string> groups;
    for (const Command& command : commands) {
        if (!command.hidden && std::find(groups.begin(), groups.end(), command.group) == groups.end()) {
            groups.push_back(command.group);
        }
    }
    std::string text = "usage: imgforge COMMAND [options]\n";
    for (const std::string& group : groups) {
        text += fmt::format("\n{}:\n", group);
        for (const Command& command : commands) {
            if (!command.hidden && command.group == group) {
                text += fmt::format("  {:<16} {}\n", command.name, wrap(command.summary, 19, width));
            }
        }
    }
    return text +
           "\nExamples:\n  imgforge build debian12.recipe --plan\n  imgforge spawn debian12 --count 3 web-{n}\n"
           "\nEvery command has --help, and --json for one JSON object. Exit codes: 0 ok, 1 failed, 2 usage,\n"
           "3 recipe or input invalid, 4 host prerequisite missing, 5 audit or verification failed, 130 interrupted.\n";
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
    text += "\nCommon options:\n" + option_lines(common_options());
    if (!command.examples.empty()) {
        text += "\nExamples:\n";
        for (const Example& example : command.examples) {
            text += fmt::format("  {}\n      {}\n", example.line, example.what);
        }
    }
    return text;
}

}  // namespace imgforge::cli
