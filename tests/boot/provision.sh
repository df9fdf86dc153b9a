#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The stages provision and verify on a real image: a build killed in the middle and resumed, a reboot between
# steps, a playbook, a secret that is nowhere afterwards, checks that fail (quarantine, exit code 5) and
# checks that pass, both as JUnit. Needs a store with a current image $IMGFORGE_TEST_IMAGE (debian13) that has
# sshd and cloud-init.
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"
image=${IMGFORGE_TEST_IMAGE:-debian13}
[ -d "$IMGFORGE_HOME/images/$image" ] || skip "no image $image in $IMGFORGE_HOME (boot.golden makes it)"
own_home
run() { "$imgforge" "$@" --connect embedded; }
disk=$(golden_disk "$image")
secret=Zq7-a-token-that-is-nowhere-else-9xK
recipe=$work/shop.recipe
qemu_runs() { pgrep -f "guest=imgforge-provision-[s]hop" >/dev/null; }
ends() { for _ in $(seq 60); do qemu_runs || return 0; sleep 0.5; done; return 1; }

# What a guest without network must not reach: a server on this host.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server --bind 127.0.0.1 --directory "$work" "$port" >/dev/null 2>&1 & server=$!
stop_server() { kill $server; }
at_exit stop_server
holds "the server answers" curl -fsS --retry 10 --retry-connrefused -o /dev/null "http://127.0.0.1:$port/"

printf '%s\n' "$secret" >"$work/token.txt"
mkdir "$work/files"
printf 'put here by upload\n' >"$work/files/note"
chmod 0640 "$work/files/note"
cat >"$work/setup.py" <<'EOF'
#!/usr/bin/env python3
import os, sys
open("/opt/made", "w").write("by %s for %s\n" % (sys.argv[1], os.environ["SITE"]))
EOF
cat >"$work/site.yml" <<'EOF'
- hosts: all
  tasks:
    - name: a file of the playbook
      ansible.builtin.copy: {dest: /opt/by-ansible, content: "{{ word }} {{ token | length }}\n", mode: "0644"}
EOF
ansible=""
if command -v ansible-playbook >/dev/null; then
    # shellcheck disable=SC2016  # for the recipe
    ansible='- ansible: {playbook: site.yml, extra-vars: {word: played, token: "${secrets.token}"}}'
elif [ -n "${CI:-}" ]; then
    fail "ansible-playbook is not installed"
else
    say "without ansible: not installed here"
fi
cat >"$recipe" <<EOF
name: shop
os: $image
secrets: {token: {file: token.txt}}
stages:
  - overlay: {base: $disk}
  - provision:
      env: {SITE: www.example.com, TOKEN: "\${secrets.token}"}
      steps:
        - upload: {files: /opt/files}
        - script: {file: setup.py, args: [script]}
        - name: use the secret
          run:
            - test "\$TOKEN" = "\$(printf %s "\${secrets.token}")"
            - printf %s "\$TOKEN" | sha256sum >/opt/digest
            - cp /proc/sys/kernel/random/boot_id /opt/boot-before
        - name: no way out
          run: "! timeout 5 bash -c 'exec 3<>/dev/tcp/10.0.2.2/$port'"
        - reboot: true
        - name: after the reboot
          run: "! cmp -s /proc/sys/kernel/random/boot_id /opt/boot-before"
        $ansible
  - sysprep: {}
  - audit: {}
  - publish: {}
  - verify:
      services: [ssh, {no-such-service: {active: true, enabled: true}}]
      ports: [22]
      files:
        - /opt/files/note: {mode: "0640", owner: root, contains: put here by upload}
        - /opt/made: {contains: by script for www.example.com}
        - /home/imgforge-build: {absent: true}
      packages: [openssh-server, {no-such-package: {absent: true}}]
      run:
        - name: no trace of the build user
          command: "! grep -rIl imgforge-build /etc /var/log /var/lib/cloud /root"
EOF
holds "the recipe is valid" run validate "$recipe"

say "killed in the middle of provision"
# Not by run(): a function in the background is a shell, and the signal would end that one. Killed once the
# guest's system runs, because from then on it has written to its disk; a step would only write more.
"$imgforge" build "$recipe" --connect embedded >"$work/killed.out" 2>&1 & victim=$!
for _ in $(seq 1200); do
    grep -qa 'systemd-\|cloud-init\[' \
        "$IMGFORGE_HOME"/runs/*-shop-*/provision/console.log 2>/dev/null && break
    kill -0 $victim 2>/dev/null || { cat "$work/killed.out"; fail \
        "the build ended before it could be killed"; }
    sleep 1
done
holds "a machine runs" qemu_runs
kill -9 $victim; wait $victim 2>/dev/null || true
holds "the machine is gone with its build" ends

say "resumed; a check that fails quarantines"
same "exit code" "$(exit_code run build "$recipe" --junit "$work/failed.xml" --json)" 5
tail -n 30 "$work/err"
holds "the error names the checks" grep -q 'checks failed: service no-such-service is active' "$work/err"
holds "overlay was not made again" grep -q '"verdict": *"reuse"' "$IMGFORGE_HOME"/runs/*-shop-*/record.json
holds "JUnit is XML" xmllint --noout "$work/failed.xml"
same "failures" "$(xmllint --xpath 'string(//testsuite[@name="shop.verify"]/@failures)' "$work/failed.xml")" 2
same "state of the candidate" "$(run images show shop@1 --json | jq -r '.. | .state? // empty' | head -n 1)" \
    quarantined
same "machines left" "$(run list --json | jq '.machines | length')" 0

say "checks that pass: provision is not run again, the generation becomes current"
sed -i 's/services: .*/services: [ssh]/' "$recipe"
run build "$recipe" --junit "$work/passed.xml" --json >"$work/passed.json" 2>"$work/err" ||
    { cat "$work/err"; fail "build"; }
same "provision" "$(jq -r '.stages[] | select(.name == "provision") | .verdict' "$work/passed.json")" reuse
same "checks that failed" "$(jq '[.verify.checks[] | select(.ok | not)] | length' "$work/passed.json")" 0
holds "every check has seconds" jq -e '.verify.checks | length > 8 and all(.seconds >= 0)' "$work/passed.json"
same "failures" "$(xmllint --xpath 'string(/testsuites/@failures)' "$work/passed.xml")" 0
same "state" "$(run images show shop --json | jq -r '.. | .state? // empty' | head -n 1)" current
holds "the manifest has the checks" jq -e '.verify.checks | length > 8' \
    "$(dirname "$(golden_disk shop)")/manifest.json"
"$imgforge" report -o "$work/page.html" >/dev/null
holds "the page has the checks" grep -q 'no trace of the build user' "$work/page.html"

say "the secret is nowhere"
# shellcheck disable=SC2016  # for the inner shell
absent() { holds "not in $(basename "$1")" sh -c '! grep -rqaF -e "$1" "$2"' _ "$secret" "$1"; }
for found in "$IMGFORGE_HOME" "$work/failed.xml" "$work/passed.xml" "$work/passed.json" "$work/err" \
    "$work/killed.out"; do
    absent "$found"
done
qemu-img convert -O raw "$(golden_disk shop)" "$work/shop.raw"
absent "$work/shop.raw"
holds "its digest was seen in the guest" grep -qaF "$(printf %s "$secret" | sha256sum | cut -c1-64)" \
    "$work/shop.raw"
