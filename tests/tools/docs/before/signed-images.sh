# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
disk web.qcow2 5
