#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# small_debian ROOT: a real, small Debian from the packages installed on this host (apt, dpkg and what is
# essential, with all they need), without kernel and without an archive: 3 s in place of a bootstrap's minute.
# Fails on a host that is not Debian or Ubuntu.
# small_debian_disk ROOT DISK.qcow2: that tree as a disk with one ext4 file system, without an appliance.
small_debian_packages() {
    dpkg-query -W -f='${Package}\t${db:Status-Status}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n' |
        python3 -c '
import re, sys
needs, provides, wanted = {}, {}, ["apt", "dpkg", "gpgv"]
for line in sys.stdin:
    name, status, essential, depends, provided = line.rstrip("\n").split("\t")
    if status != "installed":
        continue
    needs[name] = [[re.split(r"[ (:]", word.strip())[0] for word in group.split("|")]
                   for group in depends.split(",") if group.strip()]
    for word in provided.split(","):
        provides.setdefault(re.split(r"[ (:]", word.strip())[0], name)
    if essential == "yes":
        wanted.append(name)
done = set()
while wanted:
    name = wanted.pop()
    name = name if name in needs else provides.get(name)
    if name and name not in done:
        done.add(name)
        wanted += [next((word for word in group if word in needs or word in provides), group[0])
                   for group in needs[name]]
print("\n".join(sorted(done)))'
}
small_debian() {
    local target=$1 packages=() info
    mapfile -t packages < <(small_debian_packages)
    [ ${#packages[@]} -gt 20 ] || return 1
    mkdir -p "$target"/{dev,proc,sys,run,tmp,root,etc/apt/sources.list.d,var/lib/apt/lists/partial} \
        "$target"/var/lib/dpkg/{info,updates,triggers} \
        "$target"/var/{cache/apt/archives/partial,log/apt,tmp} "$target"/usr/{bin,sbin,lib,lib64}
    # Links of merged /usr first: files of packages that still say /bin then land behind them.
    for info in bin sbin lib lib64; do ln -s "usr/$info" "$target/$info"; done
    dpkg-query -L "${packages[@]}" | sort -u | grep \
        -vE '^/(usr/share/(doc|man|locale|info|i18n|zoneinfo)/|usr/lib/gconv|\.$|(bin|sbin|lib|lib64)$)' |
        while read -r info; do if [ -f "$info" ] || [ -L "$info" ]; then printf '%s\n' "${info#/}"; fi; done |
        tar --create --directory / --no-recursion --files-from - 2>/dev/null |
            tar --extract --keep-directory-symlink --directory "$target"
    dpkg-query -W -f='${binary:Package}\n' "${packages[@]}" | while read -r info; do
        for info in /var/lib/dpkg/info/"$info".*; do
            case $info in
                *.list|*.md5sums|*.triggers) cp "$info" "$target/var/lib/dpkg/info/" ;;
            esac
        done
    done
    # Without it dpkg does not find the lists of name:architecture.
    cp /var/lib/dpkg/info/format "$target/var/lib/dpkg/info/"
    dpkg-query -s "${packages[@]}" >"$target/var/lib/dpkg/status"
    # dpkg-query -s separates by empty lines already; dpkg wants the file to end with one.
    echo >>"$target/var/lib/dpkg/status"
    cp /usr/share/base-passwd/passwd.master "$target/etc/passwd"
    cp /usr/share/base-passwd/group.master "$target/etc/group"
    echo '_apt:x:100:65534::/nonexistent:/usr/sbin/nologin' >>"$target/etc/passwd"
    printf 'root:*:19000:0:99999:7:::\n' >"$target/etc/shadow"
    chmod 640 "$target/etc/shadow"
    chmod 1777 "$target/tmp" "$target/var/tmp"
    printf 'small\n' >"$target/etc/hostname"
    printf '/dev/sda / ext4 defaults 0 1\n' >"$target/etc/fstab"
    : >"$target/etc/machine-id"
    rm -rf "$target"/etc/apt/apt.conf.d/* "$target/etc/apt/sources.list"
    ldconfig -r "$target"
}
small_debian_disk() {
    # The journal and reserved blocks would only make the disk larger; times and UUID are the file system's
    # own business.
    truncate -s 1G "$2.raw"
    mke2fs -q -t ext4 -m 0 -d "$1" "$2.raw"
    qemu-img convert -f raw -O qcow2 "$2.raw" "$2"
    rm "$2.raw"
}
