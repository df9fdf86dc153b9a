#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The main job for real: `imgforge build debian13.recipe` from a medium to a published generation proved by
# two clones. The image it makes is shared by all other boot tests. The medium is the one beside the checkout
# when it is there, else one made from the archive.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

rm -rf "${IMGFORGE_HOME:?}"
media=$root/../shared/media/debian-13-netinst-amd64.iso
# One virtual processor and no locale to compile: an emulated installation needs a fifth less of the host's
# processors.
settings=(--set machine.vcpus=1 --set stages.install.answers.locale=C.UTF-8)
[ -f "$media" ] && settings+=(--set "installer.iso=$media")

# The embedded driver for all of it: qemu:///system may be a daemon that another test started, and will end.
say "plan: everything runs"
"$imgforge" build debian13.recipe "${settings[@]}" --connect embedded --plan --json >"$work/plan.json"
same "stages to run" "$(jq '[.stages[]|select(.verdict=="run")]|length' "$work/plan.json")" \
    "$(jq '.stages|length' "$work/plan.json")"

say "build"
"$imgforge" build debian13.recipe "${settings[@]}" --connect embedded --json >"$work/build.json" ||
    { cat "$work/build.json"; find "$IMGFORGE_HOME/runs" -name '*.txt' -exec tail -n 40 {} +; fail "build"; }
jq -c '.stages[]|[.name,.verdict,.seconds]' "$work/build.json"
same "generation" "$(jq .generation "$work/build.json")" 1
image=$(jq -r .image.path "$work/build.json")
same "digest of the image" "$(sha256sum "$image" | cut -d' ' -f1)" "$(jq -r .image.sha256 "$work/build.json")"
same "mode of the image" "$(stat -c %a "$image")" 440
for file in manifest.json packages.json sbom.spdx.json audit.json; do
    holds "$file is there" test -s "$(dirname "$image")/$file"
done
same "audit" "$(jq .clean "$(dirname "$image")/audit.json")" true
holds "the package list names openssh-server" grep -q openssh-server "$(dirname "$image")/packages.json"

say "again: nothing to do"
"$imgforge" build debian13.recipe "${settings[@]}" --connect embedded --json >"$work/again.json"
same "stages run the second time" "$(jq '[.stages[]|select(.verdict=="run")]|length' "$work/again.json")" 0

say "the store"
same "state" "$("$imgforge" images list --json | jq \
    -r '.images[]|select(.name=="debian13")|.generations[0].state')" current
"$imgforge" images verify
same "machines left by the proof" "$("$imgforge" list --json |
    jq '[.machines[]|select(.state=="running")]|length')" 0
