// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/host.hpp"
#include "builder/base/json.hpp"

namespace imgforge::cli {

/// What shell completion offers for a value.
enum class Completes { nothing, file, folder, image, machine, recipe, choice, connection };

/// One option. Names with their dashes; the first long one is the key of Arguments.
struct Option {
    std::vector<std::string> names;  ///< {"--count", "-n"}
    std::string value{};             ///< placeholder; empty: a flag
    std::string help{};
    bool repeatable = false;
    std::vector<std::string> choices{};
    Completes completes = Completes::nothing;
};

/// One table of options after another.
std::vector<Option> joined(std::initializer_list<std::vector<Option>> tables);

struct Positional {
    std::string name;  ///< "IMAGE"
    std::string help;
    bool required = true;
    bool repeatable = false;
    Completes completes = Completes::nothing;
};

struct Example {
    std::string line;  ///< "imgforge spawn debian13 web-1"
    std::string what;
};

/// Parsed command line of one command: keys are the long option names without dashes and the positional
/// names.
class Arguments {
public:
    std::map<std::string, std::vector<std::string>> values;
    bool has(std::string_view key) const;
    /// The value, or nothing.
    std::optional<std::string> get(std::string_view key) const;
    std::string get_or(std::string_view key, std::string fallback) const;
    std::vector<std::string> all(std::string_view key) const;
    /// The value as an integer within [low, high]; throws Failure::usage naming option, value and range.
    std::optional<long> integer(std::string_view key, long low, long high) const;
};

/// What every command gets: the host, and how to print. Owned by main; commands build on top whatever they
/// need.
struct CommandContext : Host {
    bool json = false;  ///< --json: exactly one JSON object on stdout
    bool verbose = false;

    /// Prints the result: the record with --json, else the text. Called at most once per command.
    void result(const Json& record, const std::string& text) const;
};

/// One command: the record from which parsing, --help, the manual page and completion are made.
struct Command {
    std::string name;           ///< "spawn", or with a space "images list"
    std::string group;          ///< heading in `imgforge --help`: "Build", "Images", "Machines", "Tools"
    std::string summary;        ///< one line
    std::string description{};  ///< paragraphs for --help and the manual; blank line between
    std::vector<Positional> positionals{};
    std::vector<Option> options{};  ///< in addition to the common ones (--json, --events, --verbose, --quiet,
                                    ///< --connect, --help)
    std::vector<Example> examples{};
    std::function<int(const Arguments&, CommandContext&)> run;
    bool hidden = false;
};

/// All commands, in the order of the manual. One explicit list in registry.cpp; each cmd_<name>.cpp gives
/// functions.
std::vector<Command> all_commands();

}  // namespace imgforge::cli
