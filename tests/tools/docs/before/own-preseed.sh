# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
truncate -s 1M debian-13.1.0-amd64-netinst.iso
imgforge inspect debian13 --answers answers >/dev/null
cp answers/preseed.cfg my.cfg
