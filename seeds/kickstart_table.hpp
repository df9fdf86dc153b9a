// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "seeds/answers.hpp"

namespace imgforge::seeds {

struct KickstartOption {
    enum class Value { any, flag, integer };
    Value value = Value::any;
    bool optional = false;             ///< the value may be left out
    bool required = false;             ///< the command must have it
    std::vector<std::string> choices;  ///< empty: any text
    std::vector<std::string> releases;
};

struct KickstartCommand {
    std::vector<std::string> releases;    ///< that know it; empty: removed from all
    std::vector<std::string> deprecated;  ///< that take it with a warning
    std::map<std::string, KickstartOption> options;
    std::size_t fewest = 0;           ///< words that are no options
    std::size_t most = 99;            ///< the same
    bool or_option = false;           ///< any option stands for the fewest words
    std::vector<std::string> one_of;  ///< options of which one must be there; empty: none need be
};

/// The commands of seeds/schemas/kickstart.json by name. Read once per process.
const std::map<std::string, KickstartCommand>& kickstart_commands();

/// "RHEL9", "F42": the release of the table that reads the file; the nearest one for those between and
/// beyond, empty where the facts name none.
std::string kickstart_release(const AnswerFacts& facts);

}  // namespace imgforge::seeds
