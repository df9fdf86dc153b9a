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
trap 'exit 143' TERM
trap 'exit 130' INT
at_exit() { cleanup_functions+=("$1"); }
say() { printf '\n== [%4ds] %s\n' "$SECONDS" "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    for stream in out err; do
        [ ! -s "$work/$stream" ] || tail -n 20 "$work/$stream" | sed "s/^/last $stream: /" >&2
    done
    exit 1
}
# same WHAT ACTUAL EXPECTED
same() { [ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"; printf 'ok: %s is %s\n' "$1" "$2"; }
differ() { [ "$2" != "$3" ] || fail "$1: both are '$2'"; printf 'ok: %s differ\n' "$1"; }
holds() { local what=$1; shift; "$@" || fail "$what"; printf 'ok: %s\n' "$what"; }
# exit_code COMMAND…: runs it and prints its exit code, output kept in $work/out and $work/err
exit_code() { local code=0; "$@" >"$work/out" 2>"$work/err" || code=$?; echo $code; }
# skip REASON: 77 is CTest's SKIP_RETURN_CODE; a failure where the tier is required
skip() {
    case ",${IMGFORGE_REQUIRE:-}," in
        *,"${tier:-boot}",*|*,all,*) fail "IMGFORGE_REQUIRE names ${tier:-boot}: $*" ;;
    esac
    echo "SKIPPED: $*"; trap - EXIT; rm -rf "$work"; exit 77
}
# libvirt_daemons: qemu:///system for this test. Daemons that run already are used; else virtlogd and libvirtd
# are started, with configuration and state of their own in $work, and end with the test.
libvirt_daemons() {
    virsh -c qemu:///system version >/dev/null 2>&1 && return
    mkdir -p "$work/libvirt/lib/qemu"
    cp -a /etc/libvirt "$work/libvirt/etc"
    rm -rf "$work"/libvirt/etc/qemu/*.xml
    # As root: a QEMU that may not open /dev/kvm while libvirtd may makes libvirt probe QEMU again at every
    # call.
    printf 'user = "root"\ngroup = "root"\n' >"$work/libvirt/etc/qemu.conf"
    at_exit stop_libvirt_daemons
    # shellcheck disable=SC2016  # for the inner shell
    in_libvirt_namespace 'virtlogd -d -p "$0/virtlogd.pid"'
    start_libvirtd
    virsh -c qemu:///system net-info default >/dev/null 2>&1 ||
        virsh -c qemu:///system net-define /usr/share/libvirt/networks/default.xml
}
in_libvirt_namespace() {
    # shellcheck disable=SC2016  # for the inner shell
    unshare --mount sh -ec 'mount --bind "$0/libvirt/etc" /etc/libvirt
        mount --bind "$0/libvirt/lib" /var/lib/libvirt
        '"$1" "$work"
}
start_libvirtd() {
    # shellcheck disable=SC2016  # for the inner shell
    in_libvirt_namespace 'libvirtd -d -p "$0/libvirtd.pid"'
    for _ in $(seq 100); do virsh -c qemu:///system version >/dev/null 2>&1 && break; sleep 0.2; done
}
stop_libvirt_daemons() {
    virsh -c qemu:///system net-destroy default >/dev/null 2>&1  # dnsmasq would outlive libvirtd
    for daemon in libvirtd virtlogd; do kill "$(cat "$work/$daemon.pid")"; done
}
# golden_disk IMAGE: the disk of its current generation, or of its newest
golden_disk() {
    local disk
    disk=$("$imgforge" images show "$1" --json | jq -r '.. | .path? // empty' | grep disk.qcow2 | head -n 1)
    [ -n "$disk" ] || disk=$(find "$IMGFORGE_HOME/images/$1" -name disk.qcow2 | sort | tail -n 1)
    echo "$disk"
}
# own_home: a store of the test's own with the images of $IMGFORGE_HOME, which it may spoil
own_home() {
    mkdir "$work/home" "$work/home/cache"
    chmod 711 "$work"  # QEMU of qemu:///system is another user
    for part in images keys state.db cache/acceleration.json; do
        if [ -e "$IMGFORGE_HOME/$part" ]; then
            cp -a --reflink=auto "$IMGFORGE_HOME/$part" "$work/home/$part"
        fi
    done
    export IMGFORGE_HOME=$work/home
}
