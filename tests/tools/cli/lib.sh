#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the tests of the program as a user calls it: a directory and a store of their own. Source it; a
# command's output goes to out and err.
set -euo pipefail
# shellcheck disable=SC2034  # used by the scripts that source this
imgforge=${IMGFORGE_BINARY:?set by CTest}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imgforge-cli-XXXXXX")
mounted='' server=''
finish() {
    if [ -n "$server" ]; then kill "$server" || true; fi
    if [ -n "$mounted" ]; then umount "$mounted" || true; fi
    rm -rf --one-file-system "$work"
}
trap finish EXIT
export IMGFORGE_HOME=$work/home IMGFORGE_IMMUTABLE=off
cd "$work"
fail() {
    printf 'FAILED: %s\n--- stdout\n' "$*" >&2
    head -c 2000 out >&2
    printf -- '--- stderr\n' >&2
    head -c 2000 err >&2
    exit 1
}
