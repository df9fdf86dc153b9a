#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Configures and builds one preset (default: release). Prints where the binary is.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
cmake --preset "$preset" >/dev/null
cmake --build "build/$preset" -j "$(nproc)"
echo "built: $PWD/build/$preset/builder/cli/imgforge"
