# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
mkdir tests
printf '#!/bin/sh\ntrue\n' >tests/smoke.sh
