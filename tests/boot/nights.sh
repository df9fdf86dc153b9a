#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What nightly refreshes of a real image cost on disk: a Debian 13 with three packages from a repository of
# the test's own, of which each night brings new versions (some 4 MiB installed, apart from what apt and dpkg
# themselves change). IMGFORGE_NIGHTS=10 generations. All of them together must take at most twice what one
# takes, and chains stay short. Minutes a night: `scripts/test.sh long`.
set -euo pipefail
tier=long
if [ -z "${IMGFORGE_IN_NAMESPACE:-}" ] && unshare --net true 2>/dev/null; then
    IMGFORGE_IN_NAMESPACE=1 exec unshare --net "$0"
fi
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/apt_repository.sh
. "$root/tests/support/apt_repository.sh"
[ -n "${IMGFORGE_IN_NAMESPACE:-}" ] || skip "network namespaces cannot be made here"
"$imgforge" images show debian13 >/dev/null 2>&1 ||
    skip "no image debian13 in $IMGFORGE_HOME (boot.golden makes it)"
own_home
golden=$("$imgforge" images show debian13 --json | jq -r .path)
nights=${IMGFORGE_NIGHTS:-10}
ip link set lo up
ip address add 192.0.2.1/32 dev lo  # TEST-NET-1 (RFC 5737)
repository_start 192.0.2.1
packages=(payload-one payload-two payload-three)
offer() {
    for package in "${packages[@]}"; do
        repository_package "$package" "1.$1" "$(head -c 1000000 /dev/urandom | base64)"
    done
    repository_publish
}
offer 1
printf 'deb [signed-by=/etc/apt/test.gpg] %s stable main\n' "$repository_url" >"$work/sources.list"
repository_key >"$work/test.gpg"
cat >"$work/nightly.recipe" <<END
name: nightly
os: debian13
stages:
  - overlay: {base: $golden}
  - customize:
      upload: {sources.list: /etc/apt/sources.list, test.gpg: /etc/apt/test.gpg}
      run: [rm -f /etc/apt/sources.list.d/*]
  - customize: {packages: [payload-one, payload-two, payload-three]}
  - sysprep: {}
  - publish: {keep: 100, max-age: 1s}
END
stored() { "$imgforge" images list --json |
    jq '[.images[]|select(.name=="nightly")|.generations[].allocated_size]|add'; }
say "first generation"
"$imgforge" build "$work/nightly.recipe"
one=$(stored)
for ((night = 2; night <= nights; night++)); do
    say "night $night"
    offer $night
    "$imgforge" refresh nightly --json >"$work/out"
    same "packages that changed" "$(jq '.images[0].changes.packages.changed|length' "$work/out")" 3
    printf 'night %d: %s, together %s times one generation\n' $night \
        "$(jq -c '.images[0]|[.outcome,.seconds]' "$work/out")" \
        "$(jq -n "$(stored) / $one * 100 | round / 100")"
done
"$imgforge" images list
"$imgforge" images verify
all=$(stored)
deepest=$("$imgforge" images list --json | jq '[.images[]|select(.name=="nightly")|.generations[].depth]|max')
printf 'one generation %d bytes, %d generations %d bytes: %s times; deepest chain %d; on disk %s\n' "$one" \
    "$nights" "$all" \
    "$(jq -n "$all / $one * 100 | round / 100")" "$deepest" \
        "$(du -sh "$IMGFORGE_HOME/images/nightly" | cut -f1)"
holds "at most twice one generation" test "$all" -le $((2 * one))
holds "chains of at most four" test "$deepest" -le 4
