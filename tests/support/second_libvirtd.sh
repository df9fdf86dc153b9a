#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# second_libvirtd.sh DIR: another libvirt daemon on DIR/sock, with files, network and processes of its own: it
# stands for another host. Started as `unshare --mount --net --pid --fork --kill-child --mount-proc`, so that
# everything ends with it.
set -e
cd "$1"
for folder in run etc lib log; do
    case $folder in
        run) real=/run/libvirt ;;
        etc) real=/etc/libvirt ;;
        lib) real=/var/lib/libvirt ;;
        log) real=/var/log/libvirt ;;
    esac
    mkdir -p "$folder" "$real"
    mount --bind "$folder" "$real"
done
mkdir -p sock lib/qemu
ip link set lo up
# As root: a QEMU that may not open /dev/kvm while libvirtd may makes libvirt probe QEMU again at every call.
printf '%s\n' 'user = "root"' 'group = "root"' 'stdio_handler = "file"' 'security_driver = "none"' \
    'cgroup_controllers = []' >etc/qemu.conf
printf 'unix_sock_dir = "%s/sock"\nauth_unix_rw = "none"\n' "$1" >etc/libvirtd.conf
libvirtd -f "$1/etc/libvirtd.conf" -p "$1/libvirtd.pid" >libvirtd.log 2>&1 &
# As process 1 of the namespace the shell reaps QEMUs that ended; libvirtd in its place would leave them as
# zombies and wait for them.
wait
