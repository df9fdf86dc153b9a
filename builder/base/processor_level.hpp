// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>

namespace imgforge {

/// The x86-64 feature level that programs of a distribution are compiled for (x86-64 psABI,
/// "Micro-Architecture Levels"): below it they do not start.
enum class ProcessorLevel { v1, v2, v3 };

/// "x86-64-v1" …
std::string_view to_string(ProcessorLevel level);

/// The reverse; nothing for any other text.
std::optional<ProcessorLevel> parse_processor_level(std::string_view text);

}  // namespace imgforge
