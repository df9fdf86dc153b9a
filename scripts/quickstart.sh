#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From a bare Debian 12 to a running machine: packages, build, a golden image from a recipe, one machine, a
# login.
#   scripts/quickstart.sh [RECIPE] [MACHINE]        default: debian12 first-1
# Safe to run again: packages, build and every stage already done are skipped. Images and machines go to
# $IMGFORGE_HOME (as root /var/lib/imgforge). With KVM minutes, without it (software emulation) about 40
# minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
recipe=${1:-debian12}
machine=${2:-first-1}
say() { printf '\n== %s\n' "$*"; }

say "1/4 packages"
scripts/install-packages.sh
say "2/4 build imgforge"
scripts/build.sh release
imgforge=$PWD/build/release/builder/cli/imgforge
say "3/4 golden image: imgforge build $recipe"
"$imgforge" build "$recipe"
say "4/4 machine: imgforge spawn ${recipe%.recipe} $machine"
"$imgforge" show "$machine" >/dev/null 2>&1 || "$imgforge" spawn "$(basename "${recipe%.recipe}")" \
    "$machine" --wait ssh
"$imgforge" ssh "$machine" -- 'hostname; uname -sr; uptime -p'
echo
echo "Running. Log in: $imgforge ssh $machine     Look: $imgforge list     Remove: $imgforge destroy $machine"
