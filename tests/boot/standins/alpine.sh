# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Alpine: the initramfs unpacks the overlay it was given, OpenRC's service `local` starts its script, that
# calls setup-alpine.
echo 'Alpine Init 3.11.1-r0'
overlay=$(word apkovl) || overlay=
mount_medium /dev/sr0 /media/sr0 && mount --bind /media/sr0 /medium
if [ ! -e /medium/.alpine-release ]; then
    echo 'Mounting boot media: failed. '
    echo 'initramfs emergency recovery shell launched'
    wait_for_ever
fi
echo 'Installing packages to root filesystem: ok.'
[ -f "$overlay" ] && tar -C / -xzf "$overlay"
echo 'OpenRC 0.62.6 is starting up Linux 6.12 (x86_64)'
if [ ! -x /etc/local.d/imgforge.start ] || [ ! -L /etc/runlevels/default/local ]; then
    printf 'localhost login: '
    wait_for_ever
fi
cat >/standin/bin/setup-alpine <<'END'
#!/bin/sh
[ "$1" = -e ] || { printf 'New password: '; sleep 1000; }
. "$3"
. /standin/functions
disk=${DISKOPTS##* }
case "$APKREPOSOPTS" in
    /media/*) [ -d "$APKREPOSOPTS" ] || { echo "ERROR: $APKREPOSOPTS: no such repository"; exit 1; } ;;
esac
if [ "$ERASE_DISKS" != "$disk" ]; then
    printf 'WARNING: Erase the above disk(s) and continue? (y/n) [n] '
    sleep 1000
fi
echo 'Creating file systems...'
write_disk "$disk" /mnt/target || exit 1
umount /mnt/target/proc /mnt/target/dev /mnt/target
echo 'Installation is complete. Please reboot.'
END
cat >/standin/bin/apk <<'END'
#!/bin/sh
case "$1" in update|upgrade) exit 0 ;; esac
shift 3
for package; do
    grep -qx -- "$package" /medium/packages.txt || {
        printf 'ERROR: unable to select packages:\n  %s (no such package):\n    required by: world[%s]\n' "$package" "$package"
        exit 1
    }
done
END
trap leave USR2  # what busybox's poweroff sends to the first process
chmod 755 /standin/bin/*
sed -n '/^comes/,/^}/p; /^write_disk/,/^}/p' /init >/standin/functions
/etc/local.d/imgforge.start
printf 'localhost login: '
wait_for_ever
