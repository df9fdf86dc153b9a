#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the documentation site in build/site (or the directory given) with mkdocs, and fails on any link that
# leads nowhere.
set -euo pipefail
cd "$(dirname "$0")/.."
site=${1:-$PWD/build/site}
command -v mkdocs >/dev/null || { echo "mkdocs is not installed: apt-get install mkdocs" >&2; exit 4; }
mkdocs build --quiet --strict --config-file scripts/mkdocs.yml --site-dir "$site"
echo "documentation: $site/index.html"
