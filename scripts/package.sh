#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the Debian package: build/release/imgforge_VERSION_ARCH.deb, installed by `apt install
# ./imgforge_*.deb`.
#   scripts/package.sh            installs what building needs, builds the release preset, packs, and runs
#   lintian where it is installed
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-packages.sh
scripts/build.sh release
cd build/release
rm -f imgforge_*.deb
cpack -G DEB >cpack.log 2>&1 || { cat cpack.log >&2; exit 1; }
rm -rf _CPack_Packages
package=$(ls imgforge_*.deb)
if command -v lintian >/dev/null; then
    lintian --fail-on error "$package"
fi
echo "package: $PWD/$package"
