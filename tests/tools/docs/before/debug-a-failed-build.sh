# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A build that fails at once.
disk disk.qcow2 5
printf 'name: my\nos: debian13\nstages: [{fetch: {source: disk.qcow2, sha256: %064d}}]\n' 0 >my.recipe
