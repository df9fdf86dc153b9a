// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace imgforge::cli {

/// Parses, dispatches, and maps every exception to its message and exit code. The one place that catches everything.
int run_main(int argc, char** argv);

}  // namespace imgforge::cli
