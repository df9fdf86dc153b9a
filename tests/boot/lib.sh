#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the boot tests: real machines under whatever acceleration this host has. Source it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034  # used by the scripts that source this
imgforge=${IMGFORGE_BINARY:?set by CTest}
export IMGFORGE_HOME=${IMGFORGE_TEST_HOME:?set by CTest}
export IMGFORGE_DATA=$root
# A build tree must stay removable by `rm -rf`; the immutable flag has tests of its own (tests/tools/store).
export IMGFORGE_IMMUTABLE=off
work=$(mktemp -d /var/tmp/imgforge-boot-XXXXXX)
cleanup_functions=()
finish() {
    local status=$?
    for ((i = ${#cleanup_functions[@]} - 1; i >= 0; i--)); do ${cleanup_functions[i]} || true; done
    rm -rf "$work"
    if [ $status -eq 0 ]; then echo "PASSED: $0"; else echo "FAILED: $0 (status $status)"; fi
    exit $status
}
trap finish EXIT
at_exit() { cleanup_functions+=("$1"); }
say() { printf '\n== [%4ds] %s\n' "$SECONDS" "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
# same WHAT ACTUAL EXPECTED
same() { [ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"; printf 'ok: %s is %s\n' "$1" "$2"; }
differ() { [ "$2" != "$3" ] || fail "$1: both are '$2'"; printf 'ok: %s differ\n' "$1"; }
holds() { local what=$1; shift; "$@" || fail "$what"; printf 'ok: %s\n' "$what"; }
# exit_code COMMAND…: runs it and prints its exit code, output kept in $work/out and $work/err
exit_code() { local code=0; "$@" >"$work/out" 2>"$work/err" || code=$?; echo $code; }
# skip REASON: 77 is CTest's SKIP_RETURN_CODE; a failure where the tier is required
skip() {
    case ",${IMGFORGE_REQUIRE:-}," in *,boot,*|*,all,*) fail "IMGFORGE_REQUIRE names boot: $*" ;; esac
    echo "SKIPPED: $*"; trap - EXIT; rm -rf "$work"; exit 77
}
