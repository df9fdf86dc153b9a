# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
mkdir files
echo Welcome >files/motd
printf '#!/bin/sh\ntrue\n' >setup.sh
printf -- '- hosts: all\n  tasks: []\n' >site.yml
printf 'collections: []\n' >requirements.yml
