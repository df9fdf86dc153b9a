// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/cli/command.hpp"

namespace imgforge::cli {

// Images that come in and go out; listed in registry.cpp like all others.
Command catalog_command();
Command images_import_command();
Command images_export_command();
Command images_targets_command();
Command images_push_command();
Command images_withdraw_command();
Command images_pull_command();
Command images_follow_command();

}  // namespace imgforge::cli
