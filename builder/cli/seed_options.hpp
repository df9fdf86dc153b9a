// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "builder/cli/command.hpp"
#include "seeds/seed.hpp"

namespace imgforge::cli {

/// The options of `seed create`: what a machine is to learn.
std::vector<Option> seed_options();

/// What they ask for; files are read, "-" is standard input (once). Warnings about them go to `warnings`.
seeds::SeedSpec seed_spec(const Arguments& arguments, Diagnostics& warnings);

}  // namespace imgforge::cli
