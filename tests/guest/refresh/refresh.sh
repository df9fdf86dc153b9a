#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `imgforge refresh` as the timer runs it, against a real apt repository: what is published, what is not, and
# how it is reported. The guest is a small real Debian made of this host's packages; the sysprep, audit and
# publish stages are the product's own. All of it in a network namespace of its own: one address that host and
# guest both reach, and nobody else.
set -euo pipefail
tier=guest
if [ -z "${IMGFORGE_IN_NAMESPACE:-}" ] && unshare --net --map-root-user true 2>/dev/null; then
    namespace=(--net)
    [ "$(id -u)" = 0 ] || { namespace+=(--map-root-user); export IMGFORGE_MAPPED_ROOT=1; }
    IMGFORGE_IN_NAMESPACE=1 exec unshare "${namespace[@]}" "$0"
fi
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/boot/lib.sh
. "$here/../../boot/lib.sh"
# shellcheck source=tests/support/apt_repository.sh
. "$here/../../support/apt_repository.sh"
# shellcheck source=tests/support/small_debian.sh
. "$here/../../support/small_debian.sh"
for program in ip python3 jq gpg apt-ftparchive dpkg-deb mke2fs setpriv qemu-img supermin; do
    command -v $program >/dev/null || skip "$program is not installed"
done
[ -n "${IMGFORGE_IN_NAMESPACE:-}" ] || skip "network namespaces cannot be made here"
ip link set lo up
ip address add 192.0.2.1/32 dev lo  # TEST-NET-1 (RFC 5737)
repository_start 192.0.2.1
rm -rf "${IMGFORGE_HOME:?}"
mkdir -p "$IMGFORGE_HOME" "$work/config"
export XDG_CONFIG_HOME=$work/config HOME=$work

say "a small Debian with one package of ours, version 1"
small_debian "$work/root" || skip "this host is not Debian: no packages to make a guest of"
repository_package greeting 1.0
repository_package farewell 1.0
repository_publish
dpkg --root="$work/root" --install "$repository"/pool/*.deb >/dev/null
printf 'deb [signed-by=/etc/apt/test.gpg] %s stable main\n' "$repository_url" \
    >"$work/root/etc/apt/sources.list"
repository_key >"$work/root/etc/apt/test.gpg"
small_debian_disk "$work/root" "$work/small.qcow2"
cat >"$work/small.recipe" <<END
name: small
os: debian12
secrets: {token: {file: token.txt}}
stages:
  - overlay: {base: small.qcow2}
  - customize: {run: ['true planted-line-4712 | true chpasswd', ': "\${secrets.token}"']}
  - sysprep: {}
  - audit: {}
  - publish: {keep: 5, max-age: 1s}
END
echo planted-token-4713 >"$work/token.txt"
mkdir -p "$IMGFORGE_HOME" "$XDG_CONFIG_HOME/imgforge"
cat >"$work/notify" <<'END'
#!/bin/sh
printf 'result=%s\n' "$IMGFORGE_RESULT" >>"$1"
cat >>"$1"
END
chmod +x "$work/notify"
printf 'notify: {command: [%s, %s], on: [failure, change]}\nmetrics: %s\n' "$work/notify" "$work/mail" \
    "$work/refresh.prom" \
    >"$XDG_CONFIG_HOME/imgforge/config.yaml"
refresh() { /usr/bin/time -f %e -o "$work/seconds" "$imgforge" refresh "$@" --json; }
field() { jq -r ".images[0].$1" "$work/out"; }
metric() { sed -n "s/^$1{image=\"small\"} //p" "$work/refresh.prom"; }
generations() { "$imgforge" images list --json | jq '.images[]|select(.name=="small")|.generations|length'; }
launches() { find "$IMGFORGE_HOME/runs" -mindepth 1 -maxdepth 1 -type d | wc -l; }
asked() { grep -c "GET $1" "$work/repository.log" || true; }

# as_the_unit COMMAND…: with the capabilities of imgforge-refresh.service and, as its ProtectSystem=strict, on
# a read-only tree but for the store, /tmp and /var/tmp (which PrivateTmp= gives it)
as_the_unit() {
    [ -z "${IMGFORGE_MAPPED_ROOT:-}" ] || { "$@"; return; }
    local capabilities
    capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$root/pipelines/units/imgforge-refresh.service" |
        tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
    # shellcheck disable=SC2016  # for the inner shell
    unshare --mount bash -ec 'for folder in "$1" /tmp /var/tmp; do mount --bind "$folder" "$folder"; done
        mount -o remount,bind,ro /
        ! touch /etc/imgforge-test 2>/dev/null || { echo "the tree is not read-only" >&2; exit 99; }
        capabilities=$2; shift 2
        exec setpriv --no-new-privs --inh-caps=-all --bounding-set="-all,$capabilities" "$@"' bash \
            "$IMGFORGE_HOME" "$capabilities" "$@"
}

say "build"
"$imgforge" build "$work/small.recipe" --json >"$work/out" || { cat "$work/out"; fail build; }
same "generation" "$(jq .generation "$work/out")" 1
same "package source in the manifest" "$(jq -r '.recipe.sources[]|"\(.type) \(.uri) \(.suite)"' \
    "$IMGFORGE_HOME/images/small/1/manifest.json")" \
    "apt $repository_url stable"
same "version in the package list" "$(jq -r '.packages[]|select(.name=="greeting").version' \
    "$IMGFORGE_HOME/images/small/1/packages.json")" 1.0
holds "the SBOM has it" jq \
    -e '.spdxVersion == "SPDX-2.3" and any(.packages[]; .name == "greeting" and .versionInfo == "1.0")' \
    "$IMGFORGE_HOME/images/small/1/sbom.spdx.json" >/dev/null

say "an updated package: exactly that difference is published"
repository_package greeting 1.1
repository_publish
sleep 1.5  # older than its max-age of 1s, which a fast machine would not reach by itself
same "plan" "$("$imgforge" refresh small --plan --json | jq -r '.images[0]|"\(.action) \(.outcome)"')" \
    "update planned"
same "exit code, as the unit runs it" "$(exit_code as_the_unit "$imgforge" refresh --all --quiet --json)" 0
same "outcome" "$(field outcome)" published
same "generations" "$(field before)->$(field after)" "1->2"
same "packages that changed" "$(field 'changes.packages|tojson')" \
    "$("$imgforge" images diff small@1 small@2 --json | jq -c .packages)"
same "the difference" \
    "$(jq -c '.images[0].changes.packages|[.added,.removed,(.changed|map([.name,.before,.after]))]' \
    "$work/out")" \
    '[[],[],[["greeting","1.0","1.1"]]]'
same "files of the package that changed" "$("$imgforge" images diff small@1 small@2 --json |
    jq -c '[.files.changed[].path|select(startswith("/usr/share/"))]')" \
    '["/usr/share/greeting/text"]'
same "metrics: generation, published, failed" "$(metric imgforge_generation) $(metric \
    imgforge_refresh_published) $(metric imgforge_refresh_failed)" "2 1 0"
holds "the mail says what changed" grep -q 'greeting.*1\.0.*1\.1' "$work/mail"
holds "the notify command learned why" grep -q '^result=changed' "$work/mail"
"$imgforge" images verify
size() { jq .disk.allocated_size "$IMGFORGE_HOME/images/small/$1/manifest.json"; }
printf 'stored: @1 %d bytes, @2 %d bytes\n' "$(size 1)" "$(size 2)"
holds "the second generation is a difference" test $(($(size 2) * 4)) -lt "$(size 1)"

say "nothing new: nothing is launched, nothing published, under 2 s"
rm "$work/mail"
before=$(launches) asked_before=$(asked /dists/stable/InRelease)
same "exit code" "$(exit_code refresh small --force)" 0
same "outcome" "$(field outcome)" unchanged
holds "it says why: $(field reason)" grep -q 'no package source has changed' "$work/out"
same "runs" "$(launches)" "$before"
same "questions to the repository" "$(asked /dists/stable/InRelease)" $((asked_before + 1))
printf 'nothing new: %s s\n' "$(cat "$work/seconds")"
holds "under 2 s" jq --exit-status --null-input "$(cat "$work/seconds") < 2"
holds "nobody is notified" test ! -e "$work/mail"
same "metrics: published" "$(metric imgforge_refresh_published)" 0

say "a repository that breaks: a failure, never 'unchanged'"
mv "$repository/dists" "$work/dists"
same "exit code" "$(exit_code refresh small --force)" 1
same "outcome" "$(field outcome)" failed
same "generation in service" "$(field after)" 2
same "generations" "$(generations)" 2
same "metrics: failed" "$(metric imgforge_refresh_failed)" 1
holds "the notify command ran" grep -q '^result=failed' "$work/mail"
holds "the error is apt's" grep -q "$repository_url" "$work/mail"
mv "$work/dists" "$repository/dists"
same "the next run, without --force and with nothing new in the repository" \
    "$("$imgforge" refresh small --plan --json | jq -r '.images[0]|"\(.action): \(.reason)"')" \
    "update: the last refresh failed"
"$imgforge" images verify
"$imgforge" report --site "$work/site" >/dev/null
same "files others may read that have what customize was handed, a chpasswd line and a token" \
    "$(find "$IMGFORGE_HOME" "$work/out" "$work/err" "$work/mail" "$work/site" -type f -perm /o=r \
        -exec grep -a -l -e planted-line-4712 -e planted-token-4713 {} + || true)" ""
same "scratch directories left" "$(find "$IMGFORGE_HOME" -name '.scratch*' -o -name '.new-*' | wc -l)" 0
