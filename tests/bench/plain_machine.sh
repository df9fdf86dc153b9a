#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a machine costs without imgforge: an overlay, a seed and plain QEMU, until somebody is logged in over
# SSH.
#   plain_machine.sh GOLDEN-DISK DIRECTORY PORT ACCELERATOR
# DIRECTORY has an SSH key (id, id.pub); the machine ends with the script.
set -eu
disk=$1 directory=$2 port=$3 accelerator=$4
name=plain-$port
qemu-img create -q -f qcow2 -b "$disk" -F qcow2 "$directory/$name.qcow2"
printf '#cloud-config\nhostname: %s\nusers: [{name: admin, shell: /bin/sh, ssh_authorized_keys: ["%s"]}]\n' \
    "$name" "$(cat "$directory/id.pub")" \
    >"$directory/$name.user-data"
printf 'instance-id: %s\n' "$name" >"$directory/$name.meta-data"
cloud-localds "$directory/$name.iso" "$directory/$name.user-data" "$directory/$name.meta-data"
qemu-system-x86_64 -machine q35,accel="$accelerator" -m 1G -display none -serial "file:$directory/$name.log" \
    -drive "file=$directory/$name.qcow2,if=virtio" \
        -drive "file=$directory/$name.iso,if=virtio,format=raw,readonly=on" \
    -nic "user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:$port-:22" -daemonize \
        -pidfile "$directory/$name.pid"
finish() {
    kill "$(cat "$directory/$name.pid")" 2>/dev/null || :
    rm -f "$directory/$name".*
}
trap finish EXIT
tries=0
until ssh -i "$directory/id" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout=10 -o BatchMode=yes \
    admin@127.0.0.1 true 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "no login after $tries tries" >&2; tail \
        -n 5 "$directory/$name.log" >&2; exit 1; }
    sleep 1
done
