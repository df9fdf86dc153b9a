# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The world a document's blocks run in (run_document.py): a user with a key, and a store with two generations
# of debian12. Their disks hold no system, so machines made of them start and are not waited for: the program
# of this world adds `--wait none` to `spawn`.
real=$(PATH=${PATH#"$WORK/bin:"} command -v imgforge)

# disk FILE BYTE: a disk image without a system
disk() {
    qemu-img create -q -f qcow2 "$1" 64M
    qemu-io -f qcow2 -c "write -P $2 0 1M" "$1" >/dev/null
}
# published NAME COUNT: generations of a golden image
published() {
    local number
    for ((number = 1; number <= $2; ++number)); do
        disk "$WORK/disk.qcow2" $number
        "$real" images import "$WORK/disk.qcow2" --name "$1" --os debian12 --quiet \
            --sha256 "$(sha256sum "$WORK/disk.qcow2" | cut -d ' ' -f 1)" >/dev/null
        rm "$WORK/disk.qcow2"
    done
}
# machine NAME: one made of debian12
machine() { imgforge spawn debian12 "$1" --quiet >/dev/null; }

end_of_world() {
    if [ -e "$WORK/registry.pid" ]; then kill "$(cat "$WORK/registry.pid")"; fi
    local name
    for name in $("$real" list --json | jq -r '.machines[].name'); do
        "$real" destroy "$name" --yes >/dev/null
    done
}

if [ ! -e "$WORK/bin/imgforge" ]; then
    mkdir -p "$WORK/bin" "$HOME/.ssh"
    cat >"$WORK/bin/imgforge" <<END
#!/bin/bash
if [ "\$1" = spawn ] && [[ " \$* " != *" --print "* ]]; then set -- "\$@" --wait none; fi
exec $real "\$@"
END
    chmod +x "$WORK/bin/imgforge"
    ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_ed25519"
    published debian12 2
fi
