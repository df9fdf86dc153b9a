// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/cli/command.hpp"

namespace CLI {
class ParseError;
}

namespace imgforge::cli {

/// Failure::usage for a first word that names no command: a typing mistake, another tool's word for one of
/// ours (synonyms.hpp), or a group without its second word.
Error unknown_command(const std::vector<std::string>& words, const std::vector<Command>& commands);

/// CLI11's exception in our words: names the option or argument, the nearest valid one, and the next step.
/// `words` are those behind the command, as typed.
Error usage_error(const CLI::ParseError& cause, const Command& command,
                  const std::vector<std::string>& words);

/// What is wrong with the value of an option that takes a TIME ("90s", "off"); empty: nothing.
std::string time_problem(const std::string& value);

/// What is wrong with a value outside of `choices`; empty when it is one of them.
std::string choice_problem(const std::string& value, const std::vector<std::string>& choices);

}  // namespace imgforge::cli
