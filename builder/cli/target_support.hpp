// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/cli/command.hpp"
#include "builder/cli/images_support.hpp"
#include "pipelines/targets/pointers.hpp"
#include "pipelines/targets/pull.hpp"

namespace imgforge::cli {

/// What a pull needs of this command.
targets::PullServices pull_services(OpenStore& open, CommandContext& context);
/// What a push, a promotion or a list needs of this command.
targets::TargetServices target_services(OpenStore& open, CommandContext& context);

/// --key.
Option target_key_option(const std::string& help);

/// The target by its name in the settings, its place or URL; --key takes the place of its own key.
targets::NamedTarget named_target(const Arguments& arguments, const CommandContext& context,
                                  const std::string& text);

/// Where to pull from. Throws Failure::usage for kinds that nothing is pulled from.
targets::PullSource pull_source(const targets::NamedTarget& target);

/// Moves pointers that could not be moved before; says on the monitor what still cannot.
void retry_pointers(OpenStore& open, CommandContext& context);

/// A promotion's moves as the record has them, and as lines for a terminal.
Json moves_record(const std::vector<targets::PointerMove>& moves);
std::string moves_text(const std::vector<targets::PointerMove>& moves, int generation);

}  // namespace imgforge::cli
