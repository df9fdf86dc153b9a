#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Configures and builds one preset (default: release). Prints where the binary is.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
cmake --preset "$preset" >/dev/null
# One line that moves on a terminal; in a log only what went wrong.
quiet=()
[ -t 1 ] || quiet=(-- --quiet)
cmake --build "build/$preset" -j "$(nproc)" "${quiet[@]}"
echo "built: $PWD/build/$preset/builder/cli/imgforge"
