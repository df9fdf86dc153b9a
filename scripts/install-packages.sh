#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the Debian 12 packages imgforge needs: what builds it, what it runs with, with "test" what its
# tests use, and with "engines" what the tier of that name starts (700 MB). Safe to run again: when nothing is
# missing it does nothing and needs no root.
set -euo pipefail

build=(cmake ninja-build g++ pkg-config git ca-certificates
       libcli11-dev libyaml-cpp-dev libyaml-dev nlohmann-json3-dev libfmt-dev libspdlog-dev libssl-dev
       libcurl4-openssl-dev libsqlite3-dev libsqlitecpp-dev libpugixml-dev libarchive-dev libiso9660-dev
       libcdio-dev libguestfs-dev libvirt-dev libcrypt-dev librbd-dev librados-dev libvectorscan-dev
       libpng-dev libzstd-dev zlib1g-dev)
run=(qemu-system-x86 qemu-utils qemu-system-common qemu-block-extra ovmf libvirt-daemon-system libvirt-clients
     dnsmasq-base iproute2 iptables libguestfs-xfs guestfs-tools linux-image-amd64 xorriso genisoimage mtools
     dosfstools isolinux syslinux syslinux-common cpio zstd kmod apt-utils dpkg-dev gpgv openssh-client
     debian-archive-keyring zerofree swtpm swtpm-tools)
test=(ccache mold clang libclang-rt-14-dev clang-tidy clang-format universal-ctags
      libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev libvalijson-dev libcpp-httplib-dev
      libxml2-utils cloud-init cloud-image-utils cloud-guest-utils virtinst gnupg sqlite3 python3-yaml
      python3-jsonschema python3-cryptography systemd ansible-core python3-testinfra openssh-server
      xz-utils bzip2 openssl skopeo docker-registry nginx-light nbdkit systemd-container ipxe
      jing busybox-static fdisk debconf
      btrfs-progs xfsprogs ntfs-3g lvm2 cryptsetup-bin e2fsprogs jq shellcheck man-db time procps zsh mkdocs)
engines=(ceph-mon ceph-osd ceph-common radosgw glance-api slurmctld slurmd slurm-client munge curl)

wanted=("${build[@]}" "${run[@]}")
for group in "$@"; do
    case $group in
        test) wanted+=("${test[@]}") ;;
        engines) wanted+=("${engines[@]}") ;;
        *) echo "usage: install-packages.sh [test] [engines]" >&2; exit 2 ;;
    esac
done

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: all ${#wanted[@]} are installed"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "packages missing (${missing[*]}) and neither root nor sudo here" >&2
        exit 4
    fi
    as_root=(sudo)
fi
echo "packages: installing ${#missing[@]}: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "packages: done"
