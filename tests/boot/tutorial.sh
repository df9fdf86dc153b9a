#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of docs/tutorial.md that need a golden image and start a machine of it.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
"$imgforge" images show debian13 >/dev/null 2>&1 ||
    skip "no image debian13 in $IMGFORGE_HOME (boot.golden makes it)"
own_home
PATH=$(dirname "$imgforge"):$PATH
forget() { "$imgforge" destroy web-1 --yes >/dev/null 2>&1; }
at_exit forget
cd "$work"
"$root/tests/tools/docs/run_document.py" "$root/docs/tutorial.md" boot
