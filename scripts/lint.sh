#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# clang-tidy over our sources with the compile commands of a build directory configured by the `tidy` preset.
#   scripts/lint.sh [BUILD] [FILE…]     default: all of ours
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/tidy}
shift || true
[ -f "$build/compile_commands.json" ] || cmake --preset tidy >/dev/null
files=("$@")
if [ ${#files[@]} -eq 0 ]; then
    mapfile -t files < <(git ls-files 'builder/*.cpp' 'templates/*.cpp' 'seeds/*.cpp' 'sysprep/*.cpp' \
        'pipelines/*.cpp')
fi
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy --quiet -p "$build" \
    --warnings-as-errors='*' 2>/dev/null
echo "lint: ${#files[@]} files clean"
