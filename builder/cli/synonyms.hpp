// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::cli {

/// What another tool calls something of ours. Answers only suggest: a word is never run as another one,
/// because `rm` and `delete` would then destroy without having been read.
struct Synonym {
    std::string_view word;     ///< "ls", "--ram"
    std::string_view command;  ///< for options: the command it belongs to, empty for all
    std::string_view ours;     ///< what to type here: "list", "--memory"
};

/// The command line that does what `word` does elsewhere (docker, virsh, multipass, Packer): "list" for "ls".
std::optional<std::string> command_synonym(std::string_view word);

/// The option of `command` that does what `option` (with its dashes) does elsewhere: "--memory SIZE" for
/// "--ram".
std::optional<std::string> option_synonym(std::string_view command, std::string_view option);

}  // namespace imgforge::cli
