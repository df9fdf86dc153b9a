# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A build, for its report.
disk disk.qcow2 5
printf 'name: my\nos: debian13\nstages: [{fetch: {source: disk.qcow2}}]\n' >my.recipe
imgforge build my.recipe --quiet
