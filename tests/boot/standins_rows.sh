#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every row of templates/distributions, and every shipped recipe, through its stand-in installer: the medium
# is recognised as this row's, the recipe's stage `install` ends well. standins_rows.sh [OS…]: only these.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
for program in busybox xorriso jq mke2fs sfdisk cpio; do
    command -v $program >/dev/null || skip "no $program"
done
[ -n "$(find /boot -name 'vmlinuz-*' 2>/dev/null)" ] || skip 'no kernel in /boot'
export IMGFORGE_HOME=$work/home
make=$root/tests/boot/standins/make.sh
aboard='openssh openssh-server cloud-init qemu-guest-agent sudo'

# row | stand-in | version | volume id | name the medium gives itself, for Agama the product's id
rows='alma8|anaconda|8.10|AlmaLinux-8-10-x86_64-dvd|AlmaLinux
alma9|anaconda|9.6|AlmaLinux-9-6-x86_64-dvd|AlmaLinux
alma10|anaconda|10.0|AlmaLinux-10-0-x86_64-dvd|AlmaLinux
centos-stream8|anaconda|8-stream|CentOS-Stream-8-x86_64-dvd|CentOS Stream
centos-stream9|anaconda|9-stream|CentOS-Stream-9-BaseOS-x86_64|CentOS Stream
centos-stream10|anaconda|10-stream|CentOS-Stream-10-BaseOS-x86_64|CentOS Stream
fedora|anaconda|43|Fedora-S-dvd-x86_64-43|Fedora
oracle8|anaconda|8.10|OL-8-10-0-BaseOS-x86_64|Oracle Linux Server
oracle9|anaconda|9.6|OL-9-6-0-BaseOS-x86_64|Oracle Linux Server
oracle10|anaconda|10.0|OL-10-0-0-BaseOS-x86_64|Oracle Linux Server
rhel8|anaconda|8.10|RHEL-8-10-0-BaseOS-x86_64|Red Hat Enterprise Linux
rhel9|anaconda|9.6|RHEL-9-6-0-BaseOS-x86_64|Red Hat Enterprise Linux
rhel10|anaconda|10.0|RHEL-10-0-0-BaseOS-x86_64|Red Hat Enterprise Linux
rocky8|anaconda|8.10|Rocky-8-10-x86_64-dvd|Rocky Linux
rocky9|anaconda|9.6|Rocky-9-6-x86_64-dvd|Rocky Linux
rocky10|anaconda|10.0|Rocky-10-0-x86_64-dvd|Rocky Linux
ubuntu2004|subiquity|20.04.6|Ubuntu-Server 20.04.6 LTS amd64|Focal Fossa
ubuntu2204|subiquity|22.04.5|Ubuntu-Server 22.04.5 LTS amd64|Jammy Jellyfish
ubuntu2404|subiquity|24.04.3|Ubuntu-Server 24.04.3 LTS amd64|Noble Numbat
ubuntu2510|subiquity|25.10|Ubuntu-Server 25.10 amd64|Questing Quokka
ubuntu2604|subiquity|26.04|Ubuntu-Server 26.04 LTS amd64|Resolute Raccoon
opensuse|autoyast|15.6|openSUSE-Leap-15.6-DVD-x86_64|openSUSE-Leap-15.6
sles15|autoyast|15.6|SLE-15-SP6-Full-x86_645161.109.1|SLE15-SP6
tumbleweed|autoyast|20260601|openSUSE-Tumbleweed-DVD-x86_64|openSUSE-20260601
opensuse16|agama|16.0|Leap-16.0|Leap_16.0
sles16|agama|16.0|SLES-16.0|SLES
tumbleweed-agama|agama||agama-installer-openSUSE|Tumbleweed
alpine|alpine|3.22.1|alpine-virt 3.22.1 x86_64|
debian11|debian|11.11.0|Debian 11.11.0 amd64 n|Debian GNU/Linux 11.11.0 "Bullseye" - Official amd64 NETINST 20240831-10:00
debian12|debian|12.12.0|Debian 12.12.0 amd64 n|Debian GNU/Linux 12.12.0 "Bookworm" - Official amd64 NETINST 20250906-10:22
debian13|debian|13.1.0|Debian 13.1.0 amd64 n|Debian GNU/Linux 13.1.0 "Trixie" - Official amd64 NETINST 20250906-10:22
debian-testing|debian||Debian testing amd64 n|Debian GNU/Linux testing "Forky" - Official Snapshot amd64 NETINST 20260601-04:00
debian-sid|debian||Debian sid amd64 n|Debian GNU/Linux unstable "Sid" - Official Snapshot amd64 NETINST 20260601-04:00
kali|debian|2026.1|Kali Linux amd64 n|Kali GNU/Linux 2026.1 "Kali-last-snapshot" - Official amd64 NETINST 20260301
devuan|debian|5.0.0|Devuan 5.0.0 amd64|Devuan GNU/Linux 5.0.0 daedalus amd64 - netinstall 20230814'
# Rows that are not here have no unattended installer of their own; their media are refused by name.
without='arch'

# medium FAMILY VERSION LABEL NAME: $work/$os.iso
medium() {
    local product=(".product=$4") \
        treeinfo=".treeinfo=[general]\narch = x86_64\nfamily = $4\nname = $4 $2\nversion = ${2%-stream}\n"
    case "$1" in
        anaconda)
            release=$2 "$make" anaconda "$3" images/pxeboot/vmlinuz images/pxeboot/initrd.img \
                "@^minimal-environment @core $aboard" "$work/$os.iso" \
                "${product[@]}" "$treeinfo" images/install.img=x BaseOS/repodata/repomd.xml=x ;;
        subiquity)
            "$make" subiquity "$3" casper/vmlinuz casper/initrd "$aboard" "$work/$os.iso" \
                casper/install-sources.yaml=x \
                ".disk/info=Ubuntu-Server $2 LTS \"$4\" - Release amd64 (20260423)\n" ;;
        autoyast)
            "$make" autoyast "$3" boot/x86_64/loader/linux boot/x86_64/loader/initrd "$aboard" \
                "$work/$os.iso" \
                "media.1/products=/ $4\n" repodata/repomd.xml=x Product-SLES/repodata/repomd.xml=x ;;
        agama)
            "$make" agama "$3" boot/x86_64/loader/linux boot/x86_64/loader/initrd "$aboard" "$work/$os.iso" \
                LiveOS/squashfs.img=x \
                install/repodata/repomd.xml=x "products.txt=$4\n" \
                "boot/grub2/grub.cfg=menuentry \"Install ${3/-/ }\" {\n linux /boot/x86_64/loader/linux root=live:CDLABEL=$3 rd.live.image\n}\n" ;;
        alpine)
            "$make" alpine "$3" boot/vmlinuz-virt boot/initramfs-virt "$aboard" "$work/$os.iso" \
                apks/x86_64/APKINDEX.tar.gz=x \
                ".alpine-release=alpine-virt-$2 250715\n" ;;
        debian)
            "$make" debian "$3" install.amd/vmlinuz install.amd/initrd.gz "$aboard" "$work/$os.iso" \
                ".disk/info=$4\n" \
                .disk/base_installable= ;;
    esac
}
# recipe FAMILY: the shipped one of the row, else a small one with the same answers
recipe() {
    if [ -f "$root/pipelines/recipes/$os.recipe" ]; then echo "$root/pipelines/recipes/$os.recipe"; return; fi
    local ssh=openssh-server
    case "$1" in autoyast|agama) ssh=openssh ;; esac
    cat >"$work/$os.recipe" <<END
name: $os
os: $os
installer: {iso: $work/$os.iso}
machine: {memory: 4G, vcpus: 1, disk: 12G, firmware: bios}
stages:
  - install: {answers: {locale: en_US.UTF-8, timezone: UTC, packages: [$ssh, sudo], post: [touch /etc/done]}}
END
    echo "$work/$os.recipe"
}
install() {
    medium "$1" "$2" "$3" "$4"
    [ "$("$imgforge" media probe "$work/$os.iso" --json | jq -r .distribution)" = "$os" ] ||
        { echo "$os: recognised as another row"; return 1; }
    "$imgforge" build "$(recipe "$1")" --set "installer.iso=$work/$os.iso" --until install \
        --json >"$work/$os.out" 2>"$work/$os.err" || return 1
    rm -f "$work/$os.iso"
}
# A row alone: its lines are kept apart from those of the one beside it.
one() {
    IFS='|' read -r os family version label name <<<"$1"
    local start=$SECONDS
    if install "$family" "$version" "$label" "$name" >"$work/$os.log" 2>&1; then
        echo "ok: $os ($family, $((SECONDS - start)) s)"
    else
        echo "FAILED: $os"; tail -n 15 "$work/$os.log" "$work/$os.err" 2>/dev/null
    fi
}

for file in "$root"/templates/distributions/*.yaml; do
    os=$(basename "$file" .yaml)
    case " $without " in *" $os "*) continue ;; esac
    grep -q "^$os|" <<<"$rows" || fail "no stand-in is run for the row $os"
done
for file in "$root"/pipelines/recipes/*.recipe; do
    holds "$(basename "$file") is of a row here" grep -q "^$(sed -n 's/^os: *//p' "$file")|" <<<"$rows"
done
say "rows"
while IFS= read -r row; do
    [ $# -eq 0 ] || [[ " $* " == *" ${row%%|*} "* ]] || continue
    while [ "$(jobs -pr | wc -l)" -ge 2 ]; do wait -n || true; done
    one "$row" &
done <<<"$rows" | tee "$work/results"
wait
none_failed() { ! grep -q ^FAILED "$work/results"; }
holds "no row failed" none_failed
say "$(grep -c ^ok "$work/results") rows"
