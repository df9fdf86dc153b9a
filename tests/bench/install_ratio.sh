#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# How long imgforge's install stage takes against plain QEMU with the same medium and equivalent answers, in
# one run.
#   tests/bench/install_ratio.sh [--firmware bios|uefi] [--after] [--imgforge BINARY] [--keep FOLDER] MEDIUM
# Both machines run in parallel, so that a busy host slows both; --after: one after the other, for a quiet
# host with cores to spare. imgforge's time is the whole command: probe, answers, machine, the look at the
# installed disk. Plain QEMU's is the machine alone. cpu_ratio compares the CPU time of the two machines,
# which a busy host does not change.
# --keep FOLDER: imgforge's store and the plain disk stay there. Ends with one JSON line; exit 1 above the
# goal of 1.05.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
firmware=bios after='' imgforge=$root/build/release/builder/cli/imgforge folder='' medium=''
while [ $# -gt 0 ]; do
    case $1 in
        --firmware) firmware=$2; shift ;;
        --after) after=yes ;;
        --imgforge) imgforge=$2; shift ;;
        --keep) folder=$2; shift ;;
        *) medium=$1 ;;
    esac
    shift
done
if [ ! -f "$medium" ] || [ ! -x "$imgforge" ]; then sed -n '3,8p' "$0"; exit 2; fi
goal=1.05
if [ -n "$folder" ]; then
    mkdir -p "$folder"
else
    folder=$(mktemp -d /var/tmp/imgforge-ratio-XXXXXX)
    trap 'rm -rf "$folder"' EXIT
fi
medium=$(realpath "$medium") folder=$(realpath "$folder")
now() { date +%s.%N; }

ours() {
    cat >"$folder/ratio.recipe" <<RECIPE
name: ratio
os: debian13
installer: {iso: "$medium"}
machine: {memory: 1536M, vcpus: 2, disk: 10G, firmware: $firmware}
stages:
  - install:
      answers: {locale: en_US.UTF-8, timezone: UTC,
                packages: [openssh-server, cloud-init, qemu-guest-agent, sudo]}
RECIPE
    local begin; begin=$(now)
    IMGFORGE_HOME=$folder/home IMGFORGE_IMMUTABLE=off IMGFORGE_DATA=${IMGFORGE_DATA:-$root} "$imgforge" \
        build "$folder/ratio.recipe" --fresh --json \
        >"$folder/build.json" 2>"$folder/build.log" || return 1
    echo "$(now) - $begin" | bc >"$folder/ours"
}

plain() {
    local machine=(-machine q35)
    if [ "$firmware" = uefi ]; then
        cp /usr/share/OVMF/OVMF_VARS_4M.fd "$folder/vars.fd"
        machine+=(-drive "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd" \
            -drive "if=pflash,format=raw,file=$folder/vars.fd")
    fi
    mkdir -p "$folder/boot" "$folder/answers"
    xorriso -osirrox on -indev "$medium" -extract /install.amd/vmlinuz "$folder/boot/vmlinuz" \
        -extract /install.amd/initrd.gz "$folder/boot/initrd" 2>/dev/null
    chmod u+w "$folder"/boot/*
    answers >"$folder/answers/preseed.cfg"
    # A compressed archive may be followed by another one at a multiple of four.
    (cd "$folder/answers" && echo preseed.cfg | cpio -o -H newc --quiet) | gzip >>"$folder/boot/initrd"
    qemu-img create -q -f qcow2 "$folder/plain.qcow2" 10G
    local begin; begin=$(now)
    timeout 3h /usr/bin/time -o "$folder/plain-cpu" -f '%U %S' qemu-system-x86_64 "${machine[@]}" \
        -accel tcg,thread=multi -cpu max -smp 2 -m 1536 -nic none -display none -no-reboot \
        -kernel "$folder/boot/vmlinuz" -initrd "$folder/boot/initrd" \
        -append "auto=true priority=critical console=ttyS0,115200 DEBIAN_FRONTEND=text TERM=dumb --- console=ttyS0,115200n8" \
        -drive "file=$folder/plain.qcow2,if=virtio,format=qcow2" -cdrom "$medium" \
            -serial "file:$folder/plain.log" &
    trap 'kill %1' TERM
    wait %1
    echo "$(now) - $begin" | bc >"$folder/plain"
    grep -q 'reboot: Power down' "$folder/plain.log"
}

# What imgforge generates for the recipe, without what is its own (log channel, eatmydata, marker).
answers() {
    if [ "$firmware" = bios ]; then cat "$root/tests/data/install/plain-debian.preseed"; return; fi
    # shellcheck disable=SC2016  # partman's words
    sed 's/string one :: /string one :: 300 300 512 free $iflabel{ gpt } $reusemethod{ } method{ efi } format{ } . /; s/ \$primary{ } \$bootable{ } method{ format }/ method{ format }/' \
        "$root/tests/data/install/plain-debian.preseed"
    printf 'd-i partman-partitioning/%s\n' 'choose_label select gpt' 'default_label string gpt'
}

if [ -n "$after" ]; then
    ours || { cat "$folder/build.json"; exit 1; }
    plain || { tail -c 2000 "$folder/plain.log"; exit 1; }
else
    ours & a=$!
    plain & b=$!
    wait $a || { cat "$folder/build.json"; kill $b; exit 1; }
    wait $b || { tail -c 2000 "$folder/plain.log"; exit 1; }
fi
cpu_ours=$(jq .cpu_seconds "$folder"/home/runs/*/install/outcome.json)
cpu_plain=$(tr ' ' + <"$folder/plain-cpu" | bc)
ratio=$(echo "scale=3; $(cat "$folder/ours") / $(cat "$folder/plain")" | bc)
printf '{"firmware": "%s", "side_by_side": %s, "imgforge_seconds": %.0f, "installer_seconds": %s, "qemu_seconds": %.0f, "ratio": %.3f, "cpu_ratio": %.3f, "goal": %s}\n' \
    "$firmware" "$([ -n "$after" ] && echo false || echo true)" "$(cat "$folder/ours")" \
    "$(jq '[.stages[]|select(.name=="install")][0].seconds' "$folder/build.json")" "$(cat "$folder/plain")" \
        "$ratio" \
    "$(echo "scale=3; $cpu_ours / $cpu_plain" | bc)" "$goal"
[ "$(echo "$ratio <= $goal" | bc)" = 1 ]
