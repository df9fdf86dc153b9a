# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Anaconda: dracut's part finds kickstart file and second stage, the second stage reads and obeys.
release=$(cat /standin/release)  # "9.4"

stage1_fails() {
    echo "[  200.161447] dracut-initqueue[1018]: Warning: dracut-initqueue: starting timeout scripts"
    echo "[  200.162070] dracut-initqueue[1018]: Warning: ############# Anaconda installer errors begin #############"
    echo "[  200.162827] dracut-initqueue[1018]: Warning: $1"
    echo 'Entering emergency mode. Exit the shell to continue.'
    printf 'dracut:/# '
    wait_for_ever
}
ks=$(word inst.ks) || stage1_fails 'no kickstart file'
ks=${ks#file:}
[ -f "$ks" ] || stage1_fails "can't find $ks!"
stage2=$(word inst.stage2) || stage1_fails 'missing inst.stage2 or inst.repo boot parameters on the'
device=$(by_label "${stage2#hd:LABEL=}") || stage1_fails '/dev/root does not exist'
mount_medium "$device" /medium
[ -f /medium/images/install.img ] || stage1_fails '/dev/root does not exist'

echo 'Starting installer, one moment...'
echo "anaconda 34.25.4.9-1 for $(cat /medium/.product) $release started."

# section N HEAD: text of the Nth section that begins with HEAD
section() {
    awk -v head="$2" -v wanted="$1" '
        in_it && /^%end/ { in_it = 0 }
        in_it && n == wanted { print }
        index($0, head) == 1 && !in_it { in_it = 1; n++ }' "$ks"
}
command() { grep -E "^$1( |\$)" "$ks" | tail -n 1; }
parse_fault() {
    printf 'The following error occurred while parsing the kickstart file:\n\n'
    printf 'The following problem occurred on line %s of the kickstart file:\n\n%s\n\nThe installer will now terminate.\n' "$1" "$2"
    finish
}
stop() {
    echo 'The installation was stopped due to an error which occurred while running in non-interactive cmdline mode. Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation.'
    printf 'The exact error message is: \n\n%s\n\nThe installer will now terminate.\n' "$1"
    section 1 %onerror >/tmp/onerror
    sh /tmp/onerror
    finish
}
# The exit handler obeys the kickstart's end, also after an error.
finish() {
    if [ -n "$(command poweroff)$(command shutdown)" ]; then leave; fi
    printf 'Installation complete. Press ENTER to quit'
    wait_for_ever
}

case "$release" in
    8*) spelt='--exclude-weakdeps' ;;
    *) spelt='--excludeWeakdeps' ;;
esac
if line=$(grep -n -- "^%packages.*$spelt" "$ks"); then
    parse_fault "${line%%:*}" "unrecognized arguments: $spelt"
fi
flag inst.cmdline || { echo 'Please make a selection from the above '; wait_for_ever; }
echo 'Starting automated install.......'
echo 'Checking storage configuration...'
disk=$(command ignoredisk | sed 's/.*--only-use=//; s/,.*//')
[ -b "/dev/${disk:-vda}" ] || stop "Disk \"$disk\" given in ignoredisk command does not exist.."
echo 'Checking software selection'
section 1 %packages | grep -v '^#' | while read -r package; do
    case "$package" in ''|-*) ;; *) on_medium "$package" || echo "$package" ;; esac
done >/tmp/missing
if [ -s /tmp/missing ]; then
    stop "The following software marked for installation has errors.
This is likely caused by an error with your installation source.

No match for argument: $(head -n 1 /tmp/missing). "
fi
echo 'Creating disklabel on /dev/vda'
write_disk /dev/vda /mnt/sysroot || stop 'Unable to allocate requested partition scheme.'
for n in 1 2 3 4 5 6; do echo "Installing package-$n.x86_64 ($n/6)"; done
echo 'Performing post-installation setup tasks'
echo 'Installing boot loader'
echo 'Running post-installation scripts'
for n in 1 2 3; do
    section $n %post >/mnt/sysroot/tmp/post.sh
    [ -s /mnt/sysroot/tmp/post.sh ] || continue
    chroot /mnt/sysroot /bin/sh /tmp/post.sh || {
        echo "There was an error running the kickstart script at line $n"
        section 1 %onerror >/tmp/onerror
        sh /tmp/onerror
        echo 'The installer will now terminate.'
        finish
    }
done
finish
