#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# wire.sh IMGFORGE OLD.qcow2 NEW.qcow2: what travels when two generations of an image are pushed to a
# directory and pulled over HTTP, one after the other, against the whole files.
set -euo pipefail
[ $# -ge 3 ] || { sed -n 's/^# //p' "$0" | sed 1d; exit 2; }
imgforge=$(realpath "$1") disks=("$(realpath "$2")" "$(realpath "$3")")
work=$(mktemp -d /var/tmp/imgforge-wire-XXXXXX)
export IMGFORGE_IMMUTABLE=off XDG_CONFIG_HOME=$work/config
server=
finish() { [ -z "$server" ] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"; }
trap finish EXIT
mkdir -p "$work/web/golden"
python3 -u -m http.server --bind 127.0.0.1 --directory "$work/web" 0 >"$work/port" 2>/dev/null & server=$!
ours() { local home=$1; shift; IMGFORGE_HOME=$work/$home "$imgforge" images "$@" --quiet --json; }
until [ -s "$work/port" ]; do sleep 0.1; done
url=http://127.0.0.1:$(grep -o 'port [0-9]*' "$work/port" | cut -d' ' -f2)/golden
printf '%-12s %-10s %10s %10s %14s %14s\n' generation way windows sent bytes 'whole (zstd)'
for number in 1 2; do
    ours first import "${disks[number - 1]}" --name image >/dev/null
    qemu-img convert -f qcow2 -O qcow2 -c -o compression_type=zstd "${disks[number - 1]}" "$work/whole.qcow2"
    whole=$(stat -c %s "$work/whole.qcow2")
    ours first push image "$work/web/golden" | jq -r --arg n $number \
        --arg whole "$whole" '[$n, "push", .windows, .sent, .bytes, $whole] | @tsv'
    ours second pull "$url/image" | jq -r --arg n $number \
        --arg whole "$whole" '.images[0] | [$n, "pull", .windows, .fetched, .bytes, $whole] | @tsv'
done
