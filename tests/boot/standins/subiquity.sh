# shellcheck shell=sh
# SPDX-License-Identifier: GPL-3.0-or-later
# subiquity: casper finds the medium, cloud-init the answers on a disk called cidata, the installer obeys.
device=$(by_label "$(cat /standin/label)") || {
    echo 'Unable to find a medium containing a live file system'
    printf '(initramfs) '
    wait_for_ever
}
mount_medium "$device" /medium
[ -e /medium/casper/install-sources.yaml ] || { printf '(initramfs) '; wait_for_ever; }
echo 'connecting...'
echo 'waiting for cloud-init... '
answers=$(by_label cidata) && mount_medium "$answers" /cidata
if [ ! -f /cidata/user-data ] || [ ! -f /cidata/meta-data ] ||
    [ "$(head -n 1 /cidata/user-data)" != '#cloud-config' ]; then
    echo 'Willkommen! Bienvenue! Welcome!'
    printf 'Use UP, DOWN and ENTER keys to select your language.'
    wait_for_ever
fi
sed 1d /cidata/user-data >/tmp/answers.json
ask() { jq -r "$1" /tmp/answers.json; }
[ "$(ask .autoinstall.version)" = 1 ] || { echo "Malformed autoinstall in 'version' section"; wait_for_ever; }
if ! flag autoinstall; then
    echo 'Confirmation is required to continue.'
    echo "Add 'autoinstall' to your kernel command line to avoid this"
    printf 'Continue with autoinstall? (yes|no)'
    wait_for_ever
fi
fails() {
    echo "finish: $1: FAIL: $2"
    ask '.autoinstall["error-commands"][]?' | while read -r line; do sh -c "$line"; done
    printf 'An error occurred. Press enter to start a shell'
    wait_for_ever
}
[ "$(ask '.autoinstall | has("identity") or has("user-data")')" = true ] ||
    fails subiquity/Identity 'no identity data provided'
echo 'start: subiquity/Filesystem/apply_autoinstall_config: '
disk=$(ask '[.autoinstall.storage | .. | .path? // empty | select(startswith("/dev/"))][0] // "/dev/vda"')
[ -b "$disk" ] || fails subiquity/Filesystem "no disk matches $disk"
echo 'start: subiquity/Install/install/curtin_install: '
echo 'start: cmd-install/stage-extract: '
write_disk "$disk" /target || fails subiquity/Install/install/curtin_install 'curtin command install'
echo 'start: cmd-install/stage-curthooks: '
echo 'start: subiquity/Install/install/postinstall: final system configuration'
for package in $(ask '.autoinstall.packages[]?'); do
    echo "start: subiquity/Install/install/postinstall/install_$package: installing $package"
    on_medium "$package" || {
        echo "E: Unable to locate package $package"
        fails "subiquity/Install/install/postinstall/install_$package" \
            "Command '[...]' returned non-zero exit status 100."
    }
done
echo 'start: subiquity/Late/run: '
n=$(ask '.autoinstall["late-commands"] | length')
i=0
while [ $i -lt "$n" ]; do
    ask ".autoinstall[\"late-commands\"][$i]" >/tmp/late
    sh -e /tmp/late || fails subiquity/Late/run \
        "Command '$(head -c 60 /tmp/late)' returned non-zero exit status"
    i=$((i + 1))
done
echo 'finish: subiquity/Late/run: SUCCESS'
echo 'start: subiquity/Shutdown/shutdown: '
[ "$(ask .autoinstall.shutdown)" = poweroff ] && leave
reboot -f
