#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Hostile and broken input on the command line: one clear message, the documented exit code, nothing
# half-made.
# shellcheck source=tests/tools/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# expect CODE TEXT COMMAND…: exits with CODE, says TEXT on either stream, and never more than a screen
expect() {
    local code=0 wanted=$1 text=$2
    shift 2
    timeout 60 "$@" >out 2>err </dev/null || code=$?
    [ "$code" = "$wanted" ] || fail "$* exits with $code, not $wanted"
    cat out err >both
    grep -qF -- "$text" both || fail "$* does not say '$text'"
    [ "$(wc -c <both)" -lt 6000 ] || fail "$* says too much"
    printf 'ok: exit %s, "%s"\n' "$code" "$text"
}

# Five errors, all reported, with their places and what was meant.
cat >five.recipe <<'END'
name: My Image
os: debian31
stages:
  - instal: {}
  - customize: {pakcages: [vim]}
  - publish: {keep: many}
END
expect 3 "five.recipe:4:5: unknown stage type 'instal' (did you mean 'install'?)" "$imgforge" validate \
    five.recipe
for expected in "five.recipe:1:7: 'name' must" "five.recipe:2:5: 'os' must be one of" "five.recipe:5:" \
    "did you mean 'packages'?" "five.recipe:6:"; do
    grep -qF -- "$expected" both || fail "of five faults this one is not reported: $expected"
done
[ "$(wc -l <out)" = 5 ] || fail "five errors in $(wc -l <out) lines"
"$imgforge" validate five.recipe --json >out || true
python3 -c 'import json
d = json.load(open("out"))["diagnostics"]
assert len(d) == 5 and all(x["line"] and x["column"] and x["message"] for x in d), d' ||
    fail "the JSON record"
expect 3 "imgforge validate" "$imgforge" build five.recipe --plan

# Files that are not recipes, or try to be too much for one.
python3 - <<'END'
bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
bomb += "".join(f"a{i}: &a{i} [{','.join([f'*a{i-1}'] * 9)}]\n" for i in range(1, 12))
open("bomb.recipe", "w").write(bomb)
open("key.recipe", "w").write("k" * (1 << 20) + ": 1\n")
open("explicit.recipe", "w").write("? " + "k" * (1 << 20) + "\n: 1\n")
open("deep.recipe", "w").write("[" * 200000)
open("huge.recipe", "wb").write(b"# " + b"x" * (64 << 20))
END
cp "$(type -P true)" binary.recipe
printf 'name: \xff\xfe\n' >latin.recipe
ln -s loop.recipe loop.recipe
mkfifo pipe.recipe
mkdir folder.recipe
expect 3 "bomb.recipe:" "$imgforge" validate bomb.recipe
expect 3 "key.recipe:1:" "$imgforge" validate key.recipe
expect 3 "explicit.recipe:1:" "$imgforge" validate explicit.recipe
expect 3 "deep.recipe:1:" "$imgforge" validate deep.recipe
expect 3 "huge.recipe" "$imgforge" validate huge.recipe
expect 3 "this is not a text file" "$imgforge" validate binary.recipe
expect 3 "latin.recipe:1:7" "$imgforge" validate latin.recipe
expect 3 "Too many levels of symbolic links" "$imgforge" validate loop.recipe
expect 3 "pipe.recipe" "$imgforge" validate pipe.recipe
expect 3 "is a directory" "$imgforge" validate folder.recipe
expect 3 "(try: shipped recipes: " "$imgforge" validate no-such-thing
expect 2 "shipped recipes: " "$imgforge" build no-such-thing

# Wrong use.
expect 2 "did you mean 'build'?" "$imgforge" buidl
expect 2 "did you mean '--plan'?" "$imgforge" build debian12 --plann
expect 2 "imgforge spawn --help" "$imgforge" spawn
expect 1 "imgforge images list" "$imgforge" spawn nothing web-1
expect 1 "imgforge list" "$imgforge" show nobody
expect 3 "installer ISO" "$imgforge" media probe five.recipe
expect 3 "a seed is an ISO 9660, vfat, tar or qcow2 image" "$imgforge" seed inspect five.recipe

# What is wrong shows before an image is fetched: nothing is downloaded for a command that cannot succeed.
for words in "'web 1'" "../x" "web --size huge" "web --user-data /nonexistent" "web --ssh-key /nonexistent" \
    "web --memory 2" "web --memory lots"; do
    eval "set -- $words"
    code=0; "$imgforge" spawn debian12 "$@" --connect embedded >out 2>err </dev/null || code=$?
    [ "$code" = 2 ] || [ "$code" = 3 ] || [ "$code" = 1 ] || fail "spawn debian12 $words exits with $code"
    ! grep -q 'importing' err || fail "spawn debian12 $words fetches the image first"
done
expect 2 "--memory: '2' is 2 B: the unit is missing" "$imgforge" spawn debian12 web --memory 2
expect 2 "--data-disk: 'lots' is not a size" "$imgforge" spawn debian12 web --data-disk lots
expect 1 "no machine named 'nobody'" "$imgforge" respawn nobody
expect 3 "'nothing.qcow2' does not exist" "$imgforge" audit nothing.qcow2
expect 2 "nothing.qcow2 does not exist" "$imgforge" sysprep nothing.qcow2
expect 3 "imgforge: 'a b' is not a host name" "$imgforge" seed create --name 'a b' --output seed.iso
truncate -s 1M empty.img
expect 2 "customize has nothing to do" "$imgforge" customize empty.img --format raw
expect 2 "--password: root: 'foo' does not say" "$imgforge" customize empty.img \
    --format raw --password root:foo
expect 2 "--password-crypto: invalid password hash 'rot13': one of md5" "$imgforge" \
    customize empty.img --format raw --password-crypto rot13 --password root:locked

# A reader that wants no more (`imgforge list | head`) is not an error, a disk that is full is one; an error
# that cannot be written is still an exit code.
to_nobody() { "$@" 2>err | true; echo "${PIPESTATUS[0]}"; }
for words in "list --json" "--help" "images list"; do
    # shellcheck disable=SC2086  # words
    [ "$(set +o pipefail; to_nobody "$imgforge" $words)" = 0 ] || fail "$words without a reader"
    [ ! -s err ] || fail "$words without a reader says something"
done
[ "$(set +o pipefail; to_nobody "$imgforge" show nobody --json)" = 1 ] || fail "an error without a reader"
code=0; "$imgforge" list --json >/dev/full 2>err || code=$?
[ "$code" = 4 ] || fail "a full standard output exits with $code"
grep -q 'No space left' err || fail "a full standard output is not reported"
echo "ok: standard output that is closed or full"

# A home that cannot be used: as somebody else, and on a full disk. Both are the host's error (4) and say
# where.
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$work"
    mkdir -m 700 closed
    if ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$imgforge"; then
        # A build directory below /root: somebody else needs a copy that can be reached.
        mkdir bin && cp "$imgforge" bin/ && imgforge=$work/bin/imgforge
    fi
    expect 4 "ermission denied" setpriv --reuid=65534 --regid=65534 \
        --clear-groups env IMGFORGE_HOME="$work/closed/home" "$imgforge" build debian12 --plan
    mkdir small
    mount -t tmpfs -o size=64k tmpfs small && mounted=$work/small
    head -c 64k /dev/zero >small/filler 2>/dev/null || true
    expect 4 "the disk is full" env IMGFORGE_HOME="$work/small" "$imgforge" build debian12 --plan
fi
if [ -e "$IMGFORGE_HOME/runs" ]; then
    [ -z "$(ls "$IMGFORGE_HOME/runs")" ] || fail "a refused command left a run"
fi
echo "PASSED"
