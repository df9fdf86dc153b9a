# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
disk debian-12-generic-amd64.qcow2 5
disk jammy-server-cloudimg-amd64.img 6
