# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# debian-installer with the text frontend: the answers from /preseed.cfg of the initrd, the medium from a
# CD-ROM drive, questions where an answer is missing, its log in /var/log/syslog.
mkdir -p /var/log
log() { echo "$(date '+%b %e %T') $*" >>/var/log/syslog; }
step() {
    log "main-menu[231]: INFO: Menu item '$1' selected"
    echo "$2  ... 2%... 95%... 100%"
}
error_prompt() { printf '!! ERROR: %s\n\n%s\n[Press enter to continue] ' "$1" "$2"; wait_for_ever; }
step_failed() {
    log "main-menu[231]: WARNING **: Configuring '$1' failed with error code 1"
    error_prompt 'Installation step failed' \
        "An installation step failed. You can try to run the failing item again from the
menu, or skip it and choose something else. The failing step is: $2"
}
# answer QUESTION: what the file answers, comments and other owners left out; fails when it does not
answer() {
    sed -n "s|^[a-z-]*[[:space:]][[:space:]]*$1[[:space:]][[:space:]]*[a-z]*[[:space:]]*||p" /preseed.cfg |
        tail -n 1 | grep .
}
answered() { grep -Eq "^[a-z-]+[[:space:]]+$1[[:space:]]" /preseed.cfg; }
is_true() { [ "$(answer "$1")" = true ]; }
asks() { printf '%s\n\nPrompt: '"'?'"' for help> ' "$1"; wait_for_ever; }
preseeded_command() {
    line=$(answer "$1") || return 0
    echo "$line" >/tmp/command
    sh -c "$line" || error_prompt 'Failed to run preseeded command' \
        "Execution of preseeded command \"$line\" failed with exit code $?."
}

echo 'Starting system log daemon: syslogd, klogd.'
log 'syslogd started: BusyBox'
if ! [ -f /preseed.cfg ] || ! flag auto=true; then
    asks 'Choose the language to be used for the installation process.
Language:'; fi
preseeded_command preseed/early_command
answered debian-installer/locale || asks 'Language:'
answered keyboard-configuration/xkb-keymap || asks 'Keymap to use:'
step cdrom-detect 'Detecting hardware to find installation media'
if ! { mount_medium /dev/sr0 /medium && { [ -f /medium/.disk/info ] ||
    ls /medium/dists/*/Release >/dev/null 2>&1; }; }; then
    error_prompt 'Incorrect installation media detected' 'The detected media cannot be used for installation.'
fi
step load-cdrom 'Scanning installation media'
if has_network && ! answered netcfg/enable && ! answered netcfg/get_hostname; then asks 'Hostname:'; fi
answered passwd/root-password-crypted || answered passwd/root-password || is_true passwd/root-login ||
    answered passwd/username ||
    { printf 'Root password: '; wait_for_ever; }
answered time/zone || asks 'Select your time zone:'
step disk-detect 'Detecting disks and all other hardware'
step partman-base 'Starting up the partitioner'
disk=$(answer partman-auto/disk) || asks 'Select disk to partition:'
if ! [ -b "$disk" ]; then
    asks 'This is an overview of your currently configured partitions and mount points.'
fi
is_true partman/confirm || asks 'Write the changes to disks? [yes/no]'
write_disk "$disk" /target || step_failed partman-base 'Partition disks'
[ "$(answer base-installer/kernel/image)" != none ] || step_failed bootstrap-base 'Install the base system'
step bootstrap-base 'Installing the base system'
if ! is_true apt-setup/no_mirror && ! has_network; then asks 'Bad archive mirror'; fi
step apt-setup-udeb 'Configuring apt'
printf 'Select and install software  ... 1%%... 10%%'
log "main-menu[231]: INFO: Menu item 'pkgsel' selected"
for package in $(answer pkgsel/include | tr ',' ' '); do
    on_medium "$package" || {
        log "in-target: E: Unable to locate package $package"
        echo
        step_failed pkgsel 'Select and install software'
    }
done
echo '... 100%'
[ -b "$(answer grub-installer/bootdev)" ] || step_failed grub-installer 'Install the GRUB boot loader'
step grub-installer 'Installing GRUB boot loader'
log "main-menu[231]: INFO: Menu item 'finish-install' selected"
echo 'Finishing the installation  ... 3%... 92%'
cat >/standin/bin/in-target <<'END'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec chroot /target "$@"
END
chmod 755 /standin/bin/in-target
preseeded_command preseed/late_command
is_true debian-installer/exit/poweroff && leave
reboot -f
