# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Agama: dracut finds the live system by its label, the profile comes from a disk called OEMDRV; a login is
# shown whatever happens.
root=$(word root) || root=
device=$(by_label "${root#live:CDLABEL=}") || {
    echo "[  200.16] dracut-initqueue[500]: Warning: dracut-initqueue: timeout, still waiting for following initqueue hooks:"
    echo '[  200.20] Warning: /dev/root does not exist'
    printf 'dracut:/# '
    wait_for_ever
}
mount_medium "$device" /medium
echo 'Welcome to openSUSE Leap 16.0!'
echo '[  OK  ] Started Agama Web Server.'
printf 'agama login: '
answers=$(by_label OEMDRV) && mount_medium "$answers" /oemdrv
if [ ! -f /oemdrv/autoinst.json ]; then
    echo 'agama-autoinstall[900]: Skipping the auto-installation'
    wait_for_ever
fi
ask() { jq -r "$1" /oemdrv/autoinst.json; }
fails() { echo "agama-autoinstall[900]: Installation failed: $1"; wait_for_ever; }
grep -qx "$(ask .product.id)" /medium/products.txt || fails "product $(ask .product.id) is not known"
for package in $(ask '.software.packages[]?'); do
    on_medium "$package" || fails "No provider for package $package"
done
disk=$(ask '.storage.drives[0].search')
[ -b "$disk" ] || fails "no device matches $disk"
write_disk "$disk" /mnt || fails storage
n=$(ask '.scripts.post | length')
i=0
while [ $i -lt "$n" ]; do
    ask ".scripts.post[$i].content" >/mnt/tmp/script.sh
    chroot /mnt /bin/sh /tmp/script.sh || fails "script $(ask ".scripts.post[$i].name")"
    i=$((i + 1))
done
[ "$(word inst.finish)" = poweroff ] && leave
wait_for_ever
