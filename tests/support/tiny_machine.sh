#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tiny_disk DISK.qcow2: a disk that boots in seconds (BIOS, syslinux, this host's kernel, busybox): DHCP on
# every NIC, a web server on port 80, ACPI power-off, a console on ttyS0. GET /cgi-bin/read answers with what
# GET /cgi-bin/write?WORD left on the disk, /cgi-bin/boot with the id of this boot. No cloud-init, no SSH, no
# agent: for what happens around a machine. Fails on a host without kernel, busybox or syslinux.
# tiny_machine_lacks: what is missing here, or nothing
tiny_machine_lacks() {
    local program
    for program in busybox syslinux mcopy mkfs.vfat sfdisk cpio qemu-img; do
        command -v $program >/dev/null || echo "$program"
    done
    [ -n "$(find /boot -name 'vmlinuz-*' 2>/dev/null)" ] || echo 'a kernel in /boot'
    [ -f /usr/lib/syslinux/mbr/mbr.bin ] || echo /usr/lib/syslinux/mbr/mbr.bin
}
tiny_init() {
    cat <<'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /data /run /etc/acpi
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order
for n in $(seq 100); do [ -b /dev/vda1 ] && break; sleep 0.1; done
mount -t vfat /dev/vda1 /data
ip link set lo up
for nic in /sys/class/net/e*; do
    ip link set "${nic##*/}" up
    udhcpc -q -b -t 60 -T 1 -i "${nic##*/}" -s /leased >/dev/null 2>&1 &
done
mkdir -p /etc/acpi/PWRF
printf '#!/bin/sh\nsync\numount /data\npoweroff -f\n' >/etc/acpi/PWRF/00000080
chmod 755 /etc/acpi/PWRF/00000080
acpid >/dev/null 2>&1
httpd -p 80 -h /www
echo 'tiny machine is up'
while :; do sleep 1000; done
END
}
tiny_initrd() {
    local tree=$1 version=$2 module
    mkdir -p "$tree"/{bin,modules,www/cgi-bin}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    tiny_init >"$tree/init"
    # shellcheck disable=SC2016  # for the machine
    printf '#!/bin/sh\n[ "$1" = bound ] || [ "$1" = renew ] || exit 0\nip addr flush dev "$interface"\nip addr add "$ip/${mask:-24}" dev "$interface"\n[ -z "$router" ] || ip route add default via "${router%%%% *}" 2>/dev/null\n' >"$tree/leased"
    printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\ncat /data/state\n' >"$tree/www/cgi-bin/read"
    printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\ncat /proc/sys/kernel/random/boot_id\n' \
        >"$tree/www/cgi-bin/boot"
    # shellcheck disable=SC2016  # for the machine
    printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\necho "$QUERY_STRING" >/data/state\nsync\necho written\n' >"$tree/www/cgi-bin/write"
    chmod 755 "$tree/init" "$tree/leased" "$tree"/www/cgi-bin/*
    for module in virtio_pci virtio_blk virtio_net vfat nls_cp437 nls_ascii button evdev; do
        modprobe -S "$version" --show-depends $module 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++' | while read -r module; do
        cp "$module" "$tree/modules/"
        basename "$module" >>"$tree/modules/order"
    done
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1)
}
tiny_disk() {
    local work image version
    work=$(mktemp -d)
    image=$(find /boot -name 'vmlinuz-*' | sort -V | tail -n 1)
    version=${image#*vmlinuz-}
    tiny_initrd "$work/tree" "$version" >"$work/initrd"
    # no_timer_check: on a busy host an emulated timer is late, and the kernel's check of it panics.
    printf '%s\n' 'default tiny' 'prompt 0' 'label tiny' ' linux vmlinuz' ' initrd initrd' \
        ' append console=ttyS0 quiet panic=10 no_timer_check' >"$work/syslinux.cfg"
    truncate -s 31M "$work/part"
    mkfs.vfat -n TINY "$work/part" >/dev/null
    syslinux --install "$work/part"
    mcopy -i "$work/part" "$image" ::vmlinuz
    mcopy -i "$work/part" "$work/initrd" "$work/syslinux.cfg" ::
    truncate -s 32M "$work/disk"
    echo '2048,,0c,*' | sfdisk -q "$work/disk"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/disk" conv=notrunc bs=440 count=1 status=none
    dd if="$work/part" of="$work/disk" bs=1M seek=1 conv=notrunc status=none
    qemu-img convert -f raw -O qcow2 "$work/disk" "$1"
    rm -rf "$work"
}
