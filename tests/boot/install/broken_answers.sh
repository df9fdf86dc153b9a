#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Answers that are broken on purpose, for real: `imgforge build` must end within 30 s of the question or
# error, say what is wrong, in which installer step, after how long, and give the line for the answers file.
# IMGFORGE_FAULTS names which: confirmation (no word to write the partitions; it appears after some minutes),
# package (one that is not on the medium), late (a late_command that fails). Several run in parallel. For the
# last two the system is small and has neither kernel nor boot loader, which the errors do not need.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/../lib.sh"
longest_wait=30

medium=${IMGFORGE_TEST_MEDIUM:-$root/../shared/media/debian-13-netinst-amd64.iso}
# Without it the one that boot.golden made.
[ -f "$medium" ] || medium=$(find "$IMGFORGE_HOME/cache/media" -name 'trixie-*.iso' -print \
    -quit 2>/dev/null || true)
[ -f "$medium" ] || skip "no Debian 13 medium"
medium=$(realpath "$medium")
plain=$root/tests/data/install/plain-debian.preseed

small() {
    grep -v '^d-i base-installer/kernel/image' "$plain"
    # debconf-i18n: without its Perl modules debconf-apt-progress dies before apt has looked for any package.
    printf 'd-i %s\n' 'base-installer/kernel/image string none' \
        'base-installer/debootstrap_variant string minbase' \
        'base-installer/includes string debconf-i18n' 'grub-installer/skip boolean true'
}
answers() {
    case $1 in
        confirmation) grep -v '^d-i partman/confirm' "$plain" ;;
        package) small | sed 's/pkgsel.include string.*/pkgsel\/include string eatmydata qemu-guest-agnet/' ;;
        late) small | grep -v '^d-i pkgsel/include'; echo \
            'd-i preseed/late_command string in-target /usr/bin/no-such-program --now' ;;
    esac
}
# start FAULT: the build in the background, each line of its messages with the time in front
start() {
    mkdir "$work/$1"
    answers "$1" >"$work/$1/answers.cfg"
    cat >"$work/$1/broken-$1.recipe" <<RECIPE
name: broken-$1
os: debian13
installer: {iso: "$medium"}
machine: {memory: 1024M, vcpus: 1, disk: 6G}
stages:
  - install: {preseed: answers.cfg}
RECIPE
    (
        code=0
        IMGFORGE_HOME=$work/$1/home "$imgforge" build "$work/$1/broken-$1.recipe" \
            --json 2> >(stamp >"$work/$1/messages") >"$work/$1/build.json" || code=$?
        echo $code >"$work/$1/code"
    ) &
}
# A build that is asked to stop takes its machine with it.
stop_builds() { for job in $(jobs -p); do pkill -TERM -P "$job"; done; wait; }
at_exit stop_builds
stamp() { while IFS= read -r line; do printf '%s %s\n' "$(date +%s.%N)" "$line"; done; }
# check FAULT STEP MESSAGE LINE
check() {
    local run outcome code
    code=$(cat "$work/$1/code")
    jq -r '.error | .message, .context[]?, .hint' "$work/$1/build.json"
    run=$(find "$work/$1/home/runs" -mindepth 2 -maxdepth 2 -name install)
    outcome=$run/outcome.json
    same "$1: exit code" "$code" 1
    same "$1: installer step" "$(jq -r .step "$outcome")" "$2"
    holds "$1: cause is named" grep -qF "$3" <<<"$(jq -r .error.message "$work/$1/build.json")"
    holds "$1: step and time are named" grep -qE "\(step $2, after [0-9]+m" \
        <<<"$(jq -r .error.message "$work/$1/build.json")"
    holds "$1: the line to add is given" grep -qF "$4" <<<"$(jq -r .error.hint "$work/$1/build.json")"
    # Twice: as imgforge counts it, and from the time of the last byte on the console to the message.
    local said last
    said=$(grep -m1 -F "$(jq -r .message "$outcome" | cut -c1-60)" "$work/$1/messages" | cut -d' ' -f1)
    last=$(stat -c %.Y "$run/serial0.log")
    printf 'seen: %s: verdict after %ss; %ss after the fault, %ss after the last byte on the console\n' "$1" \
        "$(jq .seconds "$outcome")" \
        "$(jq .waited "$outcome")" "$(echo "$said - $last" | bc)"
    holds "$1: within $longest_wait s of the error" test "$(jq ".waited < $longest_wait" "$outcome")" = true
    holds "$1: within $longest_wait s of the last byte" test "$(echo "$said - $last < $longest_wait" | bc)" \
        = 1
    for file in screen.png console.txt domain.xml preseed.cfg channel0.log; do
        holds "$1: $file is kept" test -s "$run/$file"
    done
}

read -ra faults <<<"${IMGFORGE_FAULTS:-confirmation package late}"
for fault in "${faults[@]}"; do say "start: $fault"; start "$fault"; done
wait
# Before the first check can fail: half an hour of installing is worth keeping.
if [ -n "${IMGFORGE_KEEP_RUN:-}" ]; then
    mkdir -p "$IMGFORGE_KEEP_RUN"
    cp -a "${faults[@]/#/$work/}" "$IMGFORGE_KEEP_RUN/"
fi
for fault in "${faults[@]}"; do
    say "$fault"
    case $fault in
        confirmation) check confirmation partman 'Write the changes to disks?' \
            'd-i partman/confirm boolean true' ;;
        package) check package pkgsel 'the package qemu-guest-agnet is not on the medium' \
            'd-i pkgsel/include string eatmydata' ;;
        late) check late finish-install 'the command "in-target /usr/bin/no-such-program --now" of the answers failed with exit code 127' \
            'd-i preseed/late_command string in-target /usr/bin/no-such-program --now || true' ;;
        *) fail "no such fault: $fault" ;;
    esac
done
