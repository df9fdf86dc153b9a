# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a medium of Debian 13 is recognised by, and nothing that boots.
mkdir -p medium/.disk medium/install.amd
echo 'Debian GNU/Linux 13.1.0 "Trixie" - Official amd64 NETINST 20250906-10:22' >medium/.disk/info
touch medium/.disk/base_installable
echo kernel >medium/install.amd/vmlinuz
echo initrd >medium/install.amd/initrd.gz
xorriso -as mkisofs -quiet -J -R -V DEBIAN_13 -o debian-13.1.0-amd64-netinst.iso medium
imgforge inspect debian13 --answers answers >/dev/null
cp answers/preseed.cfg my.cfg
