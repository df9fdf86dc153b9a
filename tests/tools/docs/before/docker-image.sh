# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
published docker 1
