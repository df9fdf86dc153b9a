# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
machine web-1
