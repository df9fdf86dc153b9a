#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The life of a machine from the golden image that golden.sh made: spawn, log in, look, stop, start (same identity), consolidate,
# respawn (same identity, new root), destroy, cleanup. Real machines on the embedded driver with user networking.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
name=boot-$$
forget() { "$imgforge" destroy "$name" --yes >/dev/null 2>&1; "$imgforge" cleanup >/dev/null 2>&1; }
at_exit forget
"$imgforge" images show "$image" >/dev/null || skip "no golden image $image in $IMGFORGE_HOME"
inside() { "$imgforge" ssh "$name" -- "$@" </dev/null; }
identity() { inside 'cat /etc/machine-id; cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub; hostname'; }

say "spawn"
"$imgforge" spawn "$image" "$name" --connect embedded --wait ssh --json >"$work/spawn.json"
same "state" "$(jq -r '.machines[0].state' "$work/spawn.json")" running
same "name" "$(jq -r '.machines[0].name' "$work/spawn.json")" "$name"
same "hostname inside" "$(inside hostname)" "$name"
identity >"$work/first"
same "cloud-init's instance-id" "$(inside 'cloud-init query instance_id')" "$(jq -r '.machines[0].instance_id' "$work/spawn.json")"
same "root's password" "$(inside 'sudo grep ^root: /etc/shadow' | cut -d: -f2 | cut -c1)" '*'
holds "the console was logged" grep -q . <("$imgforge" logs "$name")
holds "list shows it" grep -q "$name" <("$imgforge" list)
same "deleting the image it stands on" "$(exit_code "$imgforge" images delete "$image" --yes)" 1
holds "says who holds it" grep -q "$name" "$work/err"

say "stop and start: the same machine"
"$imgforge" stop "$name"
same "state" "$("$imgforge" show "$name" --json | jq -r '.machines[0].state')" "shut off"
"$imgforge" start "$name" --wait ssh
identity >"$work/second"
same "identity after a second boot" "$(cat "$work/second")" "$(cat "$work/first")"

say "consolidate and respawn"
"$imgforge" stop "$name"
"$imgforge" consolidate "$name"
same "backing of its disk" "$("$imgforge" show "$name" --json | jq -r '.machines[0].disk.backing')" null
"$imgforge" respawn "$name"
"$imgforge" start "$name" --wait ssh
identity >"$work/third"
same "host key and name after respawn" "$(tail -n 2 "$work/third")" "$(tail -n 2 "$work/first")"

say "destroy and cleanup"
"$imgforge" destroy "$name" --yes
same "spawning the same name before cleanup" "$(exit_code "$imgforge" spawn "$image" "$name" --connect embedded --no-start --wait none)" 1
"$imgforge" cleanup
same "machines of that name left" "$("$imgforge" list --json | jq "[.machines[]|select(.name==\"$name\")]|length")" 0
same "a name with a slash" "$(exit_code "$imgforge" spawn "$image" ../x --no-start --wait none)" 2
