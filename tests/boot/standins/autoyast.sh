# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# linuxrc and YaST: the profile from the initrd, the medium from a CD-ROM drive, pop-ups that wait.
echo '>>> linuxrc 7.0.36 (Kernel 6.4.0) <<<'
echo 'Starting hardware detection...'
popup() { printf ' %s\n                 [OK]' "$1"; wait_for_ever; }
if ! { [ "$(word install)" = cd:/ ] && mount_medium /dev/sr0 /medium &&
    [ -f /medium/media.1/products ]; }; then
    printf 'Please make sure your installation medium is available.\n 1) OK\n 2) Back\n> '
    wait_for_ever
fi
profile=$(word autoyast) || profile=
profile=${profile#file://}
echo 'Loading Installation System (1/6)'
echo 'Starting Installation...'
if [ ! -f "$profile" ]; then
    printf 'Language, Keyboard and License Agreement\n [Help] [Release Notes] [Abort] [Next]'
    wait_for_ever
fi
grep -q '<confirm config:type="boolean">false' "$profile" || popup 'Installation Settings'
grep -q '<timeout>' "$profile" && popup 'The profile is not valid: timeout has no type.'
case "$(cat /medium/media.1/products)" in
    *SLE*) grep -q '<product>SLES</product>' "$profile" || popup 'None or wrong base product has been defined in the AutoYaST configuration file. Please check the products entry in the software section.' ;;
esac
sed -n 's/.*<package>\(.*\)<\/package>.*/\1/p' "$profile" |
    while read -r package; do on_medium "$package" || echo "$package"; done >/tmp/missing
[ -s /tmp/missing ] &&
    popup "These packages could not be found in the software repositories: $(cat /tmp/missing)"
disk=$(sed -n 's/.*<device>\(.*\)<\/device>.*/\1/p' "$profile" | head -n 1)
[ -b "$disk" ] || popup "Could not find device $disk"
echo 'Partitioning'
write_disk "$disk" /mnt || popup 'Error in the storage layout'
echo 'Installing Packages... (50 %)'
echo 'Finishing Basic Installation'
awk '/<!\[CDATA\[/ { n++; in_it = 1; sub(/.*<!\[CDATA\[/, "") }
     in_it {
         line = $0
         if (sub(/\]\]>.*/, "", line)) { print line > "/tmp/script" n; in_it = 0 }
         else print > "/tmp/script" n
     }' "$profile"
for script in /tmp/script*; do
    cp "$script" /mnt/tmp/script.sh
    chroot /mnt /bin/sh /tmp/script.sh || popup "The script $(basename "$script") has failed."
done
grep -q '<halt config:type="boolean">true' "$profile" && leave
printf 'linux login: '
wait_for_ever
