#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A signed Debian repository of the test's own, served over HTTP. Source it; needs $work, at_exit and fail of
# tests/boot/lib.sh.
#   repository_start ADDRESS      serves $repository at $repository_url (a free port; the port is held by the
#                                 server itself)
#   repository_package NAME VERSION [TEXT]   a package with one file /usr/share/NAME/text
#   repository_publish            indexes and signs what is there, as suite "stable"
#   repository_key                the public key, for the guest's signed-by=
repository=
repository_url=
repository_start() {
    repository=${work:?is set by tests/boot/lib.sh}/repository
    export GNUPGHOME=$work/gnupg
    mkdir -p "$repository/pool" "$repository/dists/stable/main/binary-amd64"
    mkdir -m 700 "$GNUPGHOME"
    at_exit repository_stop
    gpg --batch --quiet --passphrase '' --quick-generate-key 'imgforge test <test@imgforge.invalid>' ed25519 \
        sign 0 2>/dev/null
    # Port 0: the kernel chooses and the server has it at once, so nobody can take it in between.
    : >"$work/repository.log"  # the loop below may be there first
    python3 -u -m http.server 0 --bind "$1" --directory "$repository" >"$work/repository.log" 2>&1 &
    repository_server=$!
    for _ in $(seq 100); do
        repository_port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/repository.log")
        [ -n "$repository_port" ] && break
        sleep 0.1
    done
    [ -n "$repository_port" ] || fail "the repository's server does not start: $(cat "$work/repository.log")"
    # shellcheck disable=SC2034  # for the script that sources this
    repository_url=http://$1:$repository_port
}
repository_stop() {
    kill "$repository_server" 2>/dev/null
    gpgconf --kill all
}
repository_package() {
    local name=$1 version=$2 tree=$work/package-$1
    rm -rf "$tree"
    mkdir -p "$tree/DEBIAN" "$tree/usr/share/$name"
    printf '%s\n' "${3:-$name $version}" >"$tree/usr/share/$name/text"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: imgforge test <test@imgforge.invalid>\nDescription: test\n' \
        "$name" "$version" >"$tree/DEBIAN/control"
    rm -f "$repository/pool/$name"_*.deb
    dpkg-deb --root-owner-group --build "$tree" "$repository/pool/${name}_${version}_all.deb" >/dev/null
}
repository_publish() {
    local suite=dists/stable
    (
        cd "$repository" || exit 1
        apt-ftparchive packages pool >"$suite/main/binary-amd64/Packages"
        apt-ftparchive -o APT::FTPArchive::Release::Suite=stable \
            -o APT::FTPArchive::Release::Codename=stable \
            -o APT::FTPArchive::Release::Architectures=amd64 -o APT::FTPArchive::Release::Components=main \
            release "$suite" >"$work/Release"
        mv "$work/Release" "$suite/Release"
        gpg --batch --quiet --yes --clearsign --output "$suite/InRelease" "$suite/Release"
    )
}
repository_key() { gpg --batch --export 'test@imgforge.invalid'; }
