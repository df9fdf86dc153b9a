#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Each family's stand-in installer (standins/README.md): a whole installation by the stage `install`, and two
# that fail with the verdict the watcher must give. standins.sh [FAMILY…]: only these.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
for program in busybox xorriso jq mke2fs sfdisk cpio; do
    command -v $program >/dev/null || skip "no $program"
done
[ -n "$(find /boot -name 'vmlinuz-*' 2>/dev/null)" ] || skip 'no kernel in /boot'
families=("$@")
[ ${#families[@]} -gt 0 ] || families=(debian anaconda subiquity alpine autoyast agama)
export IMGFORGE_HOME=$work/home
make=$root/tests/boot/standins/make.sh

# recipe NAME OS MEMORY DISK INSTALL: a recipe whose one stage is `install` with these options (YAML in
# braces)
recipe() {
    cat >"$work/$1.recipe" <<END
name: $1
os: $2
installer: {iso: $work/$family.iso}
machine: {memory: $3, vcpus: 1, disk: $4, firmware: bios}
stages:
  - install: $5
END
}
# installs NAME: the build ends well, with this run's mark on the disk. fails_with NAME TEXT…: it fails, and
# says all of these within 30 s of the line that shows it. Both only begin; a family's machines run at the
# same time, as a failure waits more than it works.
declare -A builds=() expected=()
begins() {
    say "$family: $1"
    "$imgforge" build "$work/$1.recipe" --json >"$work/$1.out" 2>"$work/$1.err" &
    builds[$1]=$!
}
installs() { begins "$1"; }
fails_with() {
    begins "$1"
    expected[$1]=$(printf '%s\n' "${@:2}")
}
stop_builds() { for pid in "${builds[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; }
at_exit stop_builds
ends() {
    local name code waited
    for name in "${!builds[@]}"; do
        code=0; wait "${builds[$name]}" || code=$?
        unset "builds[$name]"
        cp "$work/$name.out" "$work/out"; cp "$work/$name.err" "$work/err"
        if [ -z "${expected[$name]:-}" ]; then
            same "exit code of $name" "$code" 0
            continue
        fi
        [ "$code" -ne 0 ] || fail "$name was installed"
        while IFS= read -r text; do
            holds "$name says '$text'" grep -qF -- "$text" "$work/err"
        done <<<"${expected[$name]}"
        waited=$(jq .waited "$work"/home/runs/*-"$name"-????/install/outcome.json)
        holds "$name: verdict after $waited s" jq -e '. >= 0 and . <= 30' <<<"$waited"
    done
    say "$family: ended"
}

debian() {
    "$make" debian 'Debian 13.1.0 amd64 n' install.amd/vmlinuz install.amd/initrd.gz 'openssh-server sudo' \
        "$work/debian.iso" \
        .disk/base_installable= \
            '.disk/info=Debian GNU/Linux 13.1.0 "Trixie" - Official amd64 NETINST 20250906-10:22\n'
    recipe trixie debian13 1G 4G '{answers: {packages: [sudo], post: [touch /etc/done]}}'
    installs trixie
    recipe trixie-package debian13 1G 4G '{answers: {packages: [cloud-inti]}}'
    fails_with trixie-package 'the package cloud-inti is not on the medium'
    recipe trixie-post debian13 1G 4G '{answers: {post: [exit 3]}}'
    fails_with trixie-post 'post command 1 of 1, exit code 3'
}
anaconda() {
    release=9.4 "$make" anaconda Rocky-9-4-x86_64-dvd images/pxeboot/vmlinuz images/pxeboot/initrd.img \
        '@^minimal-environment openssh-server sudo' "$work/anaconda.iso" images/install.img=x \
            BaseOS/repodata/repomd.xml=x \
        '.product=Rocky Linux' '.treeinfo=[general]\narch = x86_64\nfamily = Rocky Linux\nname = Rocky Linux 9.4\nversion = 9.4\n'
    recipe rocky rocky9 2G 8G '{answers: {packages: [sudo], post: [touch /etc/done]}}'
    installs rocky
    recipe rocky-package rocky9 2G 8G '{answers: {packages: [cloud-inti]}}'
    fails_with rocky-package 'No match for argument: cloud-inti' 'silent for'
    printf 'ignoredisk --only-use=sda\nautopart\nrootpw --lock\nreboot\n%%packages\nsudo\n%%end\n' \
        >"$work/sda.ks"
    recipe rocky-disk rocky9 2G 8G "{kickstart: $work/sda.ks}"
    fails_with rocky-disk 'Disk "sda" given in ignoredisk command does not exist' 'ignoredisk --only-use=vda'
}
subiquity() {
    "$make" subiquity 'Ubuntu-Server 24.04.3 LTS amd64' casper/vmlinuz casper/initrd \
        'openssh-server cloud-init sudo' "$work/subiquity.iso" \
        casper/install-sources.yaml=x \
            '.disk/info=Ubuntu-Server 24.04.3 LTS "Noble Numbat" - Release amd64 (20250805)\n'
    recipe noble ubuntu2404 3G 6G '{answers: {packages: [sudo], post: [touch /etc/done]}}'
    installs noble
    recipe noble-package ubuntu2404 3G 6G '{answers: {packages: [qemu-guest-agnet]}}'
    fails_with noble-package 'qemu-guest-agnet' 'Unable to locate package'
    recipe noble-post ubuntu2404 3G 6G '{answers: {post: ["true", "false"]}}'
    fails_with noble-post 'post command 2 of 2'
}
alpine() {
    "$make" alpine 'alpine-virt 3.22.1 x86_64' boot/vmlinuz-virt boot/initramfs-virt 'openssh sudo' \
        "$work/alpine.iso" \
        apks/x86_64/APKINDEX.tar.gz=x '.alpine-release=alpine-virt-3.22.1 250715\n'
    recipe alpine alpine 512M 1G '{answers: {packages: [openssh], post: [touch /etc/done]}}'
    installs alpine
    recipe alpine-package alpine 512M 1G '{answers: {packages: [cloud-inti]}}'
    fails_with alpine-package 'cloud-inti (no such package)'
    recipe alpine-post alpine 512M 1G '{answers: {post: [exit 3]}}'
    fails_with alpine-post 'post command 1 of 1, exit code 3'
}
autoyast() {
    "$make" autoyast openSUSE-Leap-15.6-DVD-x86_64 boot/x86_64/loader/linux boot/x86_64/loader/initrd \
        'openssh sudo' "$work/autoyast.iso" \
        'media.1/products=/ openSUSE-Leap-15.6\n' repodata/repomd.xml=x
    recipe leap opensuse 1G 8G '{answers: {packages: [sudo], post: [touch /etc/done]}}'
    installs leap
    recipe leap-package opensuse 1G 8G '{answers: {packages: [cloud-inti]}}'
    fails_with leap-package 'could not be found in the software repositories: cloud-inti'
    recipe leap-disk opensuse 1G 8G '{answers: {disk: {device: /dev/sda}}}'
    fails_with leap-disk 'Could not find device /dev/sda'
}
agama() {
    "$make" agama Leap-16.0 boot/x86_64/loader/linux boot/x86_64/loader/initrd 'openssh sudo' \
        "$work/agama.iso" LiveOS/squashfs.img=x \
        'products.txt=Leap_16.0\n' \
        'boot/grub2/grub.cfg=menuentry "Install Leap 16.0" {\n linux /boot/x86_64/loader/linux root=live:CDLABEL=Leap-16.0 rd.live.image\n}\n'
    recipe leap16 opensuse16 2G 12G '{answers: {packages: [sudo], post: [touch /etc/done]}}'
    installs leap16
    recipe leap16-package opensuse16 2G 12G '{answers: {packages: [cloud-inti]}}'
    fails_with leap16-package 'No provider for package cloud-inti'
    recipe leap16-post opensuse16 2G 12G '{answers: {post: [exit 3]}}'
    fails_with leap16-post 'Installation failed'
}
for family in "${families[@]}"; do "$family"; ends; done
