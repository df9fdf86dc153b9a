// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/cli/command.hpp"

namespace imgforge::cli {

/// Options every command takes.
std::vector<Option> common_options();

/// What the words of a command line come to.
struct Parsed {
    enum class Kind { run, help, overview, version } kind = Kind::overview;
    const Command* command =
        nullptr;             ///< into the list given to parse(); for run and for help of one command
    std::string help_group;  ///< help of a command group such as "images"
    Arguments arguments;
};

/// Reads a command line (without argv[0]). Throws Failure::usage with "did you mean" for commands and
/// options.
Parsed parse(const std::vector<std::string>& words, const std::vector<Command>& commands);

}  // namespace imgforge::cli
