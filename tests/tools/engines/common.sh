# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# For the shell tests of this directory. Sourced, with $root or $source_dir set.

# skip REASON: a missing engine; a failure where the tier is required
skip() {
    case ",${IMGFORGE_REQUIRE:-}," in *,engines,*|*,all,*) echo "FAILED: $*"; exit 1 ;; esac
    echo "SKIPPED: $*"
    exit 77
}

# needs PACKAGES PROGRAM…
needs() {
    local packages=$1 program
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "no $program (apt install $packages)"
    done
}

# cluster_for DIRECTORY: the shared Ceph of $IMGFORGE_CEPH, else DIRECTORY
cluster_for() {
    if [ -s "${IMGFORGE_CEPH:-/nonexistent}/ceph.conf" ]; then
        readlink -f "$IMGFORGE_CEPH"
    else
        echo "$1"
    fi
}

# start_cluster DIRECTORY: unless it runs
start_cluster() {
    if [ ! -s "$1/ceph.conf" ]; then
        mkdir -p "$1"
        "${root:-$source_dir}/tests/support/engines/ceph.sh" start "$1"
    fi
}
