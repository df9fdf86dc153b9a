// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/processor_level.hpp"

namespace imgforge {

std::string_view to_string(ProcessorLevel level) {
    switch (level) {
        case ProcessorLevel::v1: return "x86-64-v1";
        case ProcessorLevel::v2: return "x86-64-v2";
        case ProcessorLevel::v3: break;
    }
    return "x86-64-v3";
}

std::optional<ProcessorLevel> parse_processor_level(std::string_view text) {
    for (const ProcessorLevel level : {ProcessorLevel::v1, ProcessorLevel::v2, ProcessorLevel::v3}) {
        if (text == to_string(level)) {
            return level;
        }
    }
    return std::nullopt;
}

}  // namespace imgforge
