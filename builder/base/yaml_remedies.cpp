// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/yaml_remedies.hpp"

#include <yaml-cpp/exceptions.h>

#include <map>

namespace imgforge {

std::string yaml_remedy(std::string_view message) {
    namespace said = YAML::ErrorMsg;
    static const std::map<std::string_view, std::string> remedies = {
        {said::MAP_VALUE, "put a text that holds ': ' in quotes, and check the indentation"},
        {said::MAP_KEY, "give all keys of a map the same indentation"},
        {said::BLOCK_ENTRY, "put a list ('- …') on lines of its own below its key"},
        {said::END_OF_MAP, "give all keys of a map the same indentation"},
        {said::END_OF_MAP_FLOW, "close the '{' with '}'"},
        {said::END_OF_SEQ, "give all items of a list the same indentation"},
        {said::END_OF_SEQ_FLOW, "close the '[' with ']'"},
        {said::FLOW_END, "open the bracket that is closed here, or put the text in quotes"},
        {said::EOF_IN_SCALAR, "close the quotes"},
        {said::UNKNOWN_TOKEN, "put the text in quotes"},
        {said::INVALID_ESCAPE, "write \\\\ for a backslash in double quotes, or use single quotes"},
    };
    for (const auto& [words, remedy] : remedies) {
        if (message.starts_with(words)) {
            return remedy;
        }
    }
    return {};
}

}  // namespace imgforge
