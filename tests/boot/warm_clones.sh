#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Many clones of one warm template: each has an identity of its own, together they take little memory, and
# nothing but a finished template of this host is ever used. Prints times and memory beside those of cold
# machines. $IMGFORGE_WARM_CLONES (20), $IMGFORGE_WARM_COLD (4).
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
count=${IMGFORGE_WARM_CLONES:-20}
cold_count=${IMGFORGE_WARM_COLD:-4}
own_home
run() { "$imgforge" "$@"; }
machines() { run list --json | jq -r '.machines[].name' | grep "^$1-" | sort -V; }
remove() { machines "$1" | xargs -r "$imgforge" destroy --yes --quiet; run cleanup --quiet; }
at_exit 'remove many'
at_exit 'remove cold'
at_exit 'remove one'
up=(--connect embedded --memory 1G --overcommit --wait ssh --timeout 30m)
seconds_of() { jq '[.machines[].seconds]|max' "$1"; }
# pss PREFIX: MiB that the QEMUs of these machines take, shared pages shared out among them
pss() {
    local kib=0 pid
    for pid in $(pgrep -f "guest=$1-[0-9]+,"); do
        kib=$((kib + $(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup")))
    done
    echo $((kib / 1024))
}
template() { find "$IMGFORGE_HOME/cache/warm" -mindepth 1 -maxdepth 1 -type d; }
# made_anew WHY: a warm spawn begins to make a template instead of using the one that is there
made_anew() {
    "$imgforge" spawn "$image" one-2 --warm "${up[@]}" >/dev/null 2>"$work/anew" & local maker=$!
    for _ in $(seq 300); do grep -q 'make the warm template' "$work/anew" && break; sleep 0.2; done
    kill -9 $maker; wait $maker 2>/dev/null || true
    holds "$1: made anew" grep -q 'make the warm template' "$work/anew"
    run cleanup --quiet
}

say "a maker that is killed leaves nothing that is used"
"$imgforge" spawn "$image" one-1 --warm "${up[@]}" >/dev/null 2>&1 & maker=$!
for _ in $(seq 300); do pgrep -f 'guest=imgforge-warm-' >/dev/null && break; sleep 0.2; done
sleep 5
kill -9 $maker; wait $maker 2>/dev/null || true
same "finished templates" "$(find "$IMGFORGE_HOME/cache/warm" -name template.json | wc -l)" 0
for _ in $(seq 100); do pgrep -f 'guest=imgforge-warm-' >/dev/null || break; sleep 0.2; done
holds "its machine is gone" bash -c '! pgrep -f "guest=imgforge-warm-"'
run cleanup --quiet

say "a template and one clone"
run spawn "$image" one-1 --warm "${up[@]}" --quiet
run destroy one-1 --yes --quiet
run cleanup --quiet
ls -ls "$(template)"
same "files anybody else may read" \
    "$(find "$(template)" -name 'memory.*' -perm /077 -o -name devices.state -perm /077 | wc -l)" 0
run spawn "$image" one-3 --warm "${up[@]}" --json >"$work/one.json"
remove one

say "$count clones at once"
run spawn "$image" 'many-{n}' --count "$count" --warm "${up[@]}" --json >"$work/many.json"
facts='cat /etc/machine-id; cat /proc/sys/kernel/random/boot_id; od -An -tx1 -N16 /dev/urandom
    cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub; cut -d" " -f2 /etc/ssh/ssh_host_ecdsa_key.pub
    hostname; cat /sys/class/net/e*/address; cat /run/imgforge-boot-id'
for name in $(machines many); do run ssh "$name" -- "$facts" >"$work/facts.$name"; done
lines=$(wc -l <"$work/facts.many-1")
same "facts of each" "$(wc -l "$work"/facts.many-* | awk '$2 != "total" {print $1}' | sort -u)" "$lines"
for line in $(seq "$lines"); do
    same "different values of fact $line ($(sed -n "${line}p" "$work/facts.many-1"))" \
        "$(sed -sn "${line}p" "$work"/facts.many-* | sort -u | wc -l)" "$count"
done
list=$(run list --json)
for field in uuid instance_id generation_id ssh_port; do
    same "different $field" "$(jq -r ".machines[].$field" <<<"$list" | sort -u | wc -l)" "$count"
done
many=$(pss many)
sleep 120  # what they do behind their first login
settled=$(pss many)
remove many

say "$cold_count cold machines"
run spawn "$image" 'cold-{n}' --count 1 "${up[@]}" --json >"$work/cold.json"
if [ "$cold_count" -gt 1 ]; then
    run spawn "$image" 'cold-{n}' --count $((cold_count - 1)) "${up[@]}" --quiet
fi
cold=$(pss cold)
printf 'cold %s s, warm %s s, %s warm ones %s s\n' "$(seconds_of "$work/cold.json")" \
    "$(seconds_of "$work/one.json")" "$count" "$(seconds_of "$work/many.json")"
printf 'memory: %s warm ones %s MiB, after their first boot %s MiB; %s cold ones %s MiB\n' \
    "$count" "$many" "$settled" "$cold_count" "$cold"
# QEMU's translated code is not shared: up to 1 GiB of each emulated machine.
if grep -q '"kvm"' "$IMGFORGE_HOME/cache/acceleration.json"; then
    holds "$count warm clones take less memory than $cold_count cold machines" test "$settled" -lt "$cold"
fi
remove cold

say "a template that is not of this imgforge, kernel, QEMU, or has changed, is made anew"
folder=$(template)
facts=$folder/template.json
cp -a "$folder" "$work/template"
for change in '.version = 2' '.kernel = "5.10"' '.qemu_file = "other"' '.qemu = "QEMU 6"' '.memory = 1'; do
    jq "$change" "$work/template/template.json" >"$facts"
    made_anew "$change"
    rm -rf "$folder"; cp -a "$work/template" "$folder"
done
printf x | dd of="$folder/memory.ram" conv=notrunc bs=1 seek=4096 status=none
made_anew "memory that was written to"
rm -rf "$folder"; cp -a "$work/template" "$folder"
truncate -s -4096 "$folder/memory.ram"
made_anew "memory that is too short"
