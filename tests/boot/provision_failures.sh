#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The stage provision when it fails, on a real image: each failure has one clear error with its exit code, and
# no machine is left but the one that --keep-failed asks for. Needs a store with a current image
# $IMGFORGE_TEST_IMAGE (debian13) that has sshd and cloud-init.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
own_home
disk=$(golden_disk "$image")
build=("$imgforge" build "$work/broken.recipe" --connect embedded)
qemu_runs() { pgrep -f "guest=imgforge-provision-[b]roken" >/dev/null; }
ends() { for _ in $(seq 60); do qemu_runs || return 0; sleep 0.5; done; return 1; }
end_machines() { pkill -f "guest=imgforge-provision-[b]roken"; }
at_exit end_machines
# recipe STEP [OPTION…]: one step, and options of the stage, a line each
recipe() {
    {
        printf 'name: broken\nos: %s\nstages:\n  - overlay: {base: %s}\n  - provision:\n' "$image" "$disk"
        for option in "${@:2}"; do printf '      %s\n' "$option"; done
        printf '      steps:\n        - %s\n' "$1"
    } >"$work/broken.recipe"
}

say "SSH that never comes up"
recipe 'run: "true"' 'boot-timeout: 5s'
same "exit code" "$(exit_code "${build[@]}")" 1
holds "says so" grep -q 'SSH login to the provisioning machine: not after 5' "$work/err"
holds "no machine is left" ends

say "interrupted while it boots"
recipe 'run: "true"'
# A shell without job control starts what runs in the background deaf to SIGINT.
env --default-signal=INT "${build[@]}" >"$work/out" 2>"$work/err" & victim=$!
for _ in $(seq 240); do qemu_runs && break; sleep 0.5; done
holds "a machine runs" qemu_runs
kill -INT $victim
code=0; wait $victim || code=$?
same "exit code" "$code" 130
holds "no machine is left" ends

say "a script that exits with 7; --keep-failed leaves the machine with its ssh line"
printf 'exit 7\n' >"$work/seven.sh"
recipe 'script: seven.sh'
same "exit code" "$(exit_code "${build[@]}" --keep-failed)" 1
holds "says so" grep -q 'step 1 of 1 (script seven.sh) exited with 7' "$work/err"
holds "the machine runs" qemu_runs
line=$(sed -n 's/^ *\(ssh .*\)$/\1/p' "$work/err" | head -n 1)
same "who answers to the line '$line'" "$(timeout 120 bash -c "$line id -un" </dev/null)" imgforge-build
bash -c "$(sed -n 's/^ *\(.*[^ ]\) *(ends it;.*/\1/p' "$work/err")"
holds "the line that ends it ends it" ends

say "a step that does not end"
recipe '{run: sleep 600, timeout: 5s}'
same "exit code" "$(exit_code "${build[@]}")" 1
holds "says so" grep -q 'did not end within 5' "$work/err"
holds "no machine is left" ends

say "a full disk"
# Most of it is only reserved: a full disk of the guest need not be gigabytes on this host.
# shellcheck disable=SC2016  # for the guest
recipe 'run: "fallocate -l $(($(df --output=avail -k / | tail -n 1) - 4096))K /reserved; dd if=/dev/zero of=/fill bs=1M"'
same "exit code" "$(exit_code "${build[@]}")" 1
holds "says so" grep -q "the guest's disk is full" "$work/err"
holds "no machine is left" ends
