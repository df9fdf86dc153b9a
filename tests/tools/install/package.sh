#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The installed product.
#   package.sh tree      an install tree (DESTDIR) has everything, and the program runs from it and finds its
#                        data there
#   package.sh chroot    cpack's .deb in a bare Debian 12 made from the host's apt sources: dependencies
#                        through apt, run, remove, nothing left
set -euo pipefail
kind=$1
build=${IMGFORGE_BUILD:?set by CTest}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imgforge-package-XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
holds() { local what=$1; shift; "$@" || fail "$what"; printf 'ok: %s\n' "$what"; }
# skip TIER REASON
skip() {
    case ",${IMGFORGE_REQUIRE:-}," in *,"$1",*|*,all,*) fail "IMGFORGE_REQUIRE names $1: $2" ;; esac
    echo "SKIPPED: $2"; exit 77
}
unset IMGFORGE_DATA IMGFORGE_LIBEXEC
export IMGFORGE_HOME=$work/home HOME=$work
cmake --build "$build" --target generated_docs >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "the manual pages cannot be made"; }

# usable ROOT RUN…: what a user does first with an installed imgforge; RUN goes before each command
usable() {
    local root=$1
    shift
    holds "it starts and says its version" grep -q '^imgforge [0-9]' <("$@" imgforge --version)
    holds "alone it shows the three steps" grep -q '3. imgforge spawn' <("$@" imgforge)
    holds "the shipped recipes are found and valid" "$@" imgforge validate debian12 debian13 rocky9
    holds "so are the examples with the files they name" "$@" imgforge validate lvm-var web-ansible \
        encrypted-root
    "$@" imgforge build debian12 --plan >"$work/plan"
    holds "a plan is made" grep -q '^install ' "$work/plan"
    holds "a seed is written" "$@" imgforge seed create --name a --user me \
        --ssh-key "$work/key.pub" --output /tmp/imgforge-package.iso --force
    rm -f "$root/tmp/imgforge-package.iso" /tmp/imgforge-package.iso
}

tree() {
    local root=$work/root
    DESTDIR=$root cmake --install "$build" --prefix /usr >"$work/log" 2>&1 ||
        { cat "$work/log"; fail "cmake --install"; }
    local file
    for file in bin/imgforge libexec/imgforge/imgforge-machine \
        share/man/man1/imgforge.1.gz share/man/man1/imgforge-spawn.1.gz \
        share/man/man1/imgforge-seed-create.1.gz share/man/man5/imgforge.recipe.5.gz \
            share/man/man5/imgforge.config.5.gz share/bash-completion/completions/imgforge \
        share/zsh/site-functions/_imgforge share/fish/vendor_completions.d/imgforge.fish \
            share/imgforge/pipelines/recipes/debian12.recipe \
        share/imgforge/templates/distributions/debian12.yaml share/imgforge/templates/families/debian.yaml \
            share/imgforge/seeds/schemas/cloud-config.keys; do
        [ -s "$root/usr/$file" ] || fail "/usr/$file is missing"
    done
    [ -s "$root/etc/imgforge/config.yaml" ] || fail "/etc/imgforge/config.yaml is missing"
    for file in "$PWD"/pipelines/units/*; do
        [ -s "$root/usr/lib/systemd/system/${file##*/}" ] || fail "the unit ${file##*/} is missing"
    done
    echo "ok: programs, pages, completions, data and units are in place"
    # Nothing but what is meant for users: sources, tests and CMake's files stay behind.
    find "$root" -type f \( -name '*.cpp' -o -name '*.hpp' -o -name 'CMakeLists.txt' -o \
        -name '*.a' \) >"$work/strange"
    [ ! -s "$work/strange" ] || fail "these do not belong there: $(cat "$work/strange")"
    ssh-keygen -q -t ed25519 -N '' -f "$work/key"
    # Out of sight: what is found now is found in the tree, not in the sources or the build directory.
    local hidden=()
    if [ "$(id -u)" = 0 ]; then
        # shellcheck disable=SC2016  # for the inner shell
        hidden=(unshare --mount sh -ec 'mount -t tmpfs tmpfs "$0"; cd /; exec "$@"' "$PWD")
    fi
    usable "" "${hidden[@]}" env PATH="$root/usr/bin:$PATH"
    holds "bash completion loads by itself" bash -c \
        ". '$root/usr/share/bash-completion/completions/imgforge' && complete -p imgforge" >/dev/null
    if command -v zsh >/dev/null; then
        holds "zsh reads its completion" zsh -n "$root/usr/share/zsh/site-functions/_imgforge"
    fi
    if command -v fish >/dev/null; then
        holds "fish reads its completion" fish --no-execute \
            "$root/usr/share/fish/vendor_completions.d/imgforge.fish"
    fi
}

chroot_install() {
    [ "$(id -u)" = 0 ] || skip long "needs root"
    command -v mmdebstrap >/dev/null || skip long "needs mmdebstrap"
    # cpack leaves its work in the directory it is given; the build directory stays as it is.
    cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/deb" >"$work/log" 2>&1 ||
        { cat "$work/log"; fail "cpack"; }
    local deb
    deb=$(ls "$work"/deb/imgforge_*.deb)
    dpkg-deb --field "$deb" Package Version Architecture Installed-Size Depends
    holds "libraries were found by dpkg-shlibdeps" grep \
        -q 'libguestfs0.*libvirt0' <(dpkg-deb --field "$deb" Depends)
    local root=$work/debian inside
    # Its own default would be the bare release, which lacks the updates this host builds with.
    local sources=() source
    for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        if [ -s "$source" ]; then sources+=("$source"); fi
    done
    mmdebstrap --quiet --variant=apt --include=man-db,bash-completion bookworm "$root" "${sources[@]}" \
        >"$work/log" 2>&1 || { cat "$work/log"; fail "mmdebstrap"; }
    inside=(unshare --mount --pid --fork --mount-proc="$root/proc" chroot "$root" env \
        -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
    # How this host reaches its mirror. mmdebstrap leaves no package lists behind.
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
    "${inside[@]}" apt-get update -qq >"$work/log" 2>&1 || { tail -n 30 "$work/log"; fail "apt-get update"; }
    cp "$deb" "$root/tmp/imgforge.deb"
    "${inside[@]}" apt-get install -y -qq --no-install-recommends /tmp/imgforge.deb >"$work/log" 2>&1 ||
        { tail -n 30 "$work/log"; fail "apt-get install"; }
    rm "$root/tmp/imgforge.deb"
    ssh-keygen -q -t ed25519 -N '' -f "$work/key"
    mkdir -p "$root$work"
    cp "$work/key.pub" "$root$work/"
    usable "$root" "${inside[@]}"
    holds "man imgforge" grep -q 'imgforge build' <("${inside[@]}" man -E UTF-8 imgforge)
    holds "man imgforge.recipe" grep -q 'installer' <("${inside[@]}" man -E UTF-8 5 imgforge.recipe)
    holds "completion of the shell" grep -q _imgforge \
        <("${inside[@]}" bash \
        -c '. /usr/share/bash-completion/bash_completion; _completion_loader imgforge; complete -p imgforge')
    "${inside[@]}" imgforge doctor --quick --json >"$work/doctor" 2>/dev/null ||
        true  # a chroot lacks much of what it checks
    holds "doctor says what the rest needs" grep -q '"checks"' "$work/doctor"
    "${inside[@]}" dpkg --verify imgforge
    "${inside[@]}" apt-get purge -y -qq imgforge >/dev/null 2>&1 || fail "apt-get purge"
    find "$root/usr" "$root/etc" -name '*imgforge*' >"$work/left"
    [ ! -s "$work/left" ] || fail "left behind: $(cat "$work/left")"
    echo "ok: removed without a trace"
}

cd "$(dirname "$0")/../../.."
case $kind in
    tree) tree ;;
    chroot) chroot_install ;;
    *) echo "usage: package.sh tree|chroot" >&2; exit 2 ;;
esac
