// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/cli/command.hpp"
#include "pipelines/targets/pull.hpp"
#include "pipelines/targets/push.hpp"

namespace imgforge::cli {

/// --key.
Option target_key_option(const std::string& help);

/// The directory to push to, by path or file:// URL. Throws Failure::usage for other URLs.
targets::FolderTarget push_target(const Arguments& arguments, const std::string& text);

/// Where to pull from: a path or a URL, without a slash at the end.
targets::PullSource pull_source(const Arguments& arguments, const std::string& text);

}  // namespace imgforge::cli
