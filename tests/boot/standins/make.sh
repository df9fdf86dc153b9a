#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# [release=VERSION] make.sh FAMILY LABEL KERNEL INITRD PACKAGES OUTPUT [FILE=TEXT…]: a medium of FAMILY with
# this volume id, its kernel and initrd where that family keeps them, the packages it holds, and further
# files. Needs this host's kernel and its modules, busybox, xorriso, mke2fs, sfdisk.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
family=$1 label=$2 kernel=$3 initrd=$4 packages=$5 output=$6
shift 6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$(find /boot -name 'vmlinuz-*' | sort -V | tail -n 1)
version=${image#*vmlinuz-}
if [ -z "$image" ] || [ ! -d "/lib/modules/$version" ]; then
    echo "no kernel with modules here" >&2
    exit 4
fi

disk_of_the_installed_system() {
    local root=$work/root
    mkdir -p "$root"/{bin,dev,proc,tmp,root,home,etc,usr/sbin,usr/bin,var/lib,boot/grub,sbin,lib}
    cp "$(command -v busybox)" "$root/bin/busybox"
    for applet in sh ash mkdir sync echo cat chmod chown grep sed rm id touch true false sleep; do
        ln -s busybox "$root/bin/$applet"
    done
    for program in update-grub chpasswd useradd usermod systemctl; do
        printf '#!/bin/sh\nexit 0\n' >"$root/usr/sbin/$program"
        chmod 755 "$root/usr/sbin/$program"
    done
    printf 'ID=stand-in\nNAME="Stand-in"\nPRETTY_NAME="Stand-in for %s"\nVERSION_ID=1\n' "$family" \
        >"$root/etc/os-release"
    [ "$family" != alpine ] || echo 3.22.1 >"$root/etc/alpine-release"
    printf 'LABEL=root / ext4 defaults 0 1\n' >"$root/etc/fstab"
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\n' >"$root/etc/group"
    echo stand-in >"$root/etc/hostname"
    mkdir -p "$root/etc/apk"; echo '#http://m.example/v3.22/main' >"$root/etc/apk/repositories"
    echo stand-in >"$root/boot/vmlinuz-stand-in"
    echo stand-in >"$root/boot/grub/grub.cfg"
    # Below 8 MiB: less counts as a disk without an installer's logs, and a failure then starts no appliance
    # for them.
    truncate -s 5M "$work/part.img"
    mke2fs -q -t ext4 -O '^has_journal' -L root -d "$root" "$work/part.img"
    truncate -s 7M "$work/disk.img"
    echo '2048,10240,83,*' | sfdisk -q "$work/disk.img"
    dd if="$work/part.img" of="$work/disk.img" bs=1M seek=1 conv=notrunc status=none
    printf '\xeb\xfe' | dd of="$work/disk.img" conv=notrunc status=none  # boot code: jumps to itself
    gzip -1 "$work/disk.img"
}

# The kernel as it lies in its compressed image: unpacking it takes an emulated processor as long as all of
# the boot. QEMU starts the bare one through its PVH entry.
unpacked_kernel() {
    local begin
    begin=$(LC_ALL=C grep -abo -m 1 $'\xfd7zXZ' "$image" | head -n 1 | cut -d: -f1)
    if ! grep -qx CONFIG_PVH=y "/boot/config-$version" || [ -z "$begin" ]; then return 1; fi
    tail -c "+$((begin + 1))" "$image" | xz -dc --single-stream >"$1" 2>/dev/null ||
        true  # what follows is not xz
    [ "$(head -c 4 "$1")" = $'\x7fELF' ]
}

# with_dependencies MODULE…: paths of the modules in the order of loading
with_dependencies() {
    for module; do
        modprobe -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++'
}

initrd_of_the_stand_in() {
    local tree=$work/initrd
    mkdir -p "$tree"/{bin,modules,standin/bin,usr/bin,lib64}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    cp "$here/init" "$tree/init"
    cp "$here/$family.sh" "$tree/standin/family.sh"
    printf '%s' "$label" >"$tree/standin/label"
    printf '%s' "${release:-}" >"$tree/standin/release"
    # shellcheck disable=SC2016  # for the stand-in
    printf '#!/bin/sh\n[ "$1" = in-target ] && shift 3\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec chroot /target "$@"\n' >"$tree/standin/bin/curtin"
    local program
    program=$(command -v jq)
    cp "$program" "$tree/usr/bin/"
    ldd "$program" | grep -o '/[^ )]*' | while read -r library; do
        mkdir -p "$tree$(dirname "$library")"
        cp -L "$library" "$tree$library"
    done
    chmod 755 "$tree/init" "$tree/standin/bin/curtin"
    with_dependencies virtio_pci virtio_blk ahci sr_mod isofs ext4 | while read -r module; do
        cp "$module" "$tree/modules/"
        basename "$module" >>"$tree/modules/order"
    done
    (cd "$tree" && find . | cpio --quiet -o -H newc) >"$work/initrd.cpio"
}

disk_of_the_installed_system
initrd_of_the_stand_in
tree=$work/tree
mkdir -p "$tree/$(dirname "$kernel")" "$tree/$(dirname "$initrd")"
unpacked_kernel "$tree/$kernel" || cp "$image" "$tree/$kernel"
cp "$work/initrd.cpio" "$tree/$initrd"
cp "$work/disk.img.gz" "$tree/disk.img.gz"
tr ' ' '\n' <<<"$packages" >"$tree/packages.txt"
for file; do
    mkdir -p "$tree/$(dirname "${file%%=*}")"
    printf '%b' "${file#*=}" >"$tree/${file%%=*}"
done
xorriso -as mkisofs -quiet -r -J -V "$label" -o "$output" "$tree" 2>/dev/null
