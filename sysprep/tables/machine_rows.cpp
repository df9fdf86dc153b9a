// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/tables/tables.hpp"

namespace imgforge::sysprep::tables {

std::vector<Operation> machine_rows() {
    return {
        {.name = "machine-info",
         .heading = "Remove the description of the build machine",
         .reason = "chassis, place and pretty name are one machine's",
         .source = "machine-info(5); BUILDING_IMAGES.md item 4",
         .rows = {"A5"},
         .paths = "/etc/machine-info"},
        {.name = "other-ssh-hostkeys",
         .heading = "Remove host keys of other SSH servers and old copies of OpenSSH's",
         .reason = "as with OpenSSH; the initramfs may hold copies, which are rebuilt",
         .source = "dropbear(8), dropbear-initramfs hook, tinysshd(8), rsshd, lshd(8), ProFTPD mod_sftp",
         .rows = {"A7"},
         .paths = R"(
             /etc/dropbear/dropbear_*_host_key*  /etc/dropbear/initramfs/*host_key*
             /etc/dropbear-initramfs/*host_key*  /etc/dropbear/*.key
             /etc/tinyssh/sshkeydir              /var/lib/tinyssh/*
             /etc/ssh/*/ssh_host_*               /etc/ssh/*/*/ssh_host_*
             /etc/*/ssh_host_*_key*              /var/lib/*/ssh_host_*_key*
             /etc/lsh_host_key*                  /etc/lshd/host-key*
             /etc/proftpd/*host*key              /etc/sftpgo/id_*
             /var/lib/{sftpgo,gitea,forgejo,gogs}/id_*
             /var/lib/{gitea,forgejo}/data/ssh/* /var/lib/gerrit/etc/ssh_host_*
             /usr/local/etc/ssh/ssh_host_*       /opt/*/etc/ssh_host_*
         )"},
        {.name = "random-seed",
         .heading = "Remove saved random seeds, on the ESP too",
         .reason = "clones that start from one seed may draw the same keys",
         .source = "systemd docs/BUILDING_IMAGES.md items 2 and 3; random-seed(8); seedrng",
         .rows = {"A8", "A9"},
         .order = Operation::order_last,
         .paths = R"(
             /var/lib/systemd/random-seed  /var/lib/urandom/random-seed  /var/lib/random-seed
             /var/lib/misc/random-seed     /etc/random-seed              /var/lib/seedrng/
             /var/db/dhcpcd/secret         /var/lib/dhcpcd/secret
             /{boot,efi,boot/efi}/loader/random-seed  /{boot,efi,boot/efi}/loader/.#bootctlrandom-seed*
         )"},
        {.name = "tpm-state",
         .heading = "Remove what is bound to one TPM",
         .reason = "a clone has another virtual TPM",
         .source = "systemd-tpm2-setup.service(8), systemd-pcrlock(8), swtpm_setup(8), tpm2-tss FAPI",
         .rows = {"A11"},
         .paths = R"(
             /var/lib/systemd/tpm2-srk-public-key.*  /var/lib/systemd/pcrlock.json
             /var/lib/swtpm-localca/  /var/lib/tpm/*  /var/lib/tpm2-tss/system/keystore/
             /var/lib/tpm2_pkcs11/    /etc/tpm2_pkcs11/*.sqlite3  /var/lib/tpm2-totp/
             ~/.tpm2_pkcs11  ~/.local/share/tpm2-tss
         )"},
        {.name = "hardware-identity",
         .heading = "Remove keys and records of the build machine's hardware",
         .reason = "they describe, or belong to, one piece of hardware",
         .source = "fwupd(1) pki, dkms(8) MOK, mokutil(1), smartd(8), thermald, boltd(8), upower",
         .rows = {"A11", "F7"},
         .paths = R"(
             /var/lib/fwupd/pki/*  /var/lib/fwupd/pending.db  /var/lib/fwupd/gnupg
             /var/lib/dkms/mok.*   /var/lib/shim-signed/mok/*  /var/lib/smartmontools/*.state
             /var/lib/smartmontools/*.csv  /var/lib/boltd/*  /var/lib/thunderbolt/*
             /var/lib/hp/*  /var/lib/libinput/*  /var/lib/lockdown/*  /var/lib/usbguard/*
             /var/lib/alsa/asound.state  /var/lib/bolt/*  /var/lib/power-profiles-daemon/*
             /var/lib/systemd/{rfkill,backlight}/  /var/lib/ieee-data/local
             /etc/usbguard/rules.conf  /var/lib/mcelog/*  /var/lib/rasdaemon/*
         )"},
        {.name = "journal",
         .heading = "Empty the journal, keeping its directory",
         .reason = "it tells the builder's story under the old machine-id",
         .source = "systemd-journald.service(8): the directory's presence means a persistent journal",
         .rows = {"A12"},
         .order = Operation::order_last,
         .paths = "/var/log/journal/"},
        {.name = "timers",
         .heading = "Forget when timers and periodic jobs ran last",
         .reason = "all clones would run or skip their jobs on the template's schedule",
         .source = "systemd.timer(5) Persistent=, anacron(8), apt.systemd.daily",
         .rows = {"A14"},
         .paths = R"(
             /var/lib/systemd/timers/stamp-*  /var/spool/anacron/*  /var/lib/apt/periodic/*
             ~/.local/share/systemd/timers/*  /var/lib/systemd/linger-stamps/*
             /var/lib/update-notifier/*-stamp /var/lib/update-manager/meta-release*
         )"},
        {.name = "clock-state",
         .heading = "Remove clock drift and time cookies",
         .reason = "measured on other hardware; NTS cookies identify a client",
         .source = "chronyd(8), ntpd(8), ntpsec, systemd-timesyncd(8)",
         .rows = {"A15"},
         .paths = R"(
             /var/lib/chrony/{drift,*.nts,*.dat,rtc,keys}  /var/lib/{ntp,ntpsec}/{ntp.drift,drift,*.nts}
             /var/lib/openntpd/*.drift  /var/db/ntpd.drift  /etc/chrony/chrony.keys.generated
             /var/lib/ntpsec/nts-keys  /var/lib/ntp/nts-keys
         )"},
        {.name = "multipath",
         .heading = "Remove WWIDs and names of multipath devices",
         .reason = "the builder's disks are not clone's",
         .source = "multipath.conf(5)",
         .rows = {"C6"},
         .paths = "/etc/multipath/{wwids,bindings,prkeys}  /etc/multipath/wwids.*  /var/lib/multipath/*"},
        {.name = "blkid-cache",
         .heading = "Remove caches of block devices",
         .reason = "stale for any other disk",
         .source = "blkid(8)",
         .rows = {"C7"},
         .paths = "/etc/blkid.tab*  /etc/blkid/*  /run/blkid*  /var/lib/blkid/*"},
        {.name = "nvme",
         .heading = "Remove the NVMe host identity",
         .reason = "storage targets tell hosts apart by it",
         .source = "nvme-cli postinst, nvme-connect(1)",
         .rows = {"B12"},
         .paths = "/etc/nvme/{hostnqn,hostid,hostsymname,discovery.conf.bak}"},
        {.name = "udev-names",
         .heading = "Remove persistent device names",
         .reason = "they map the builder's MAC to eth0",
         .source = "udev(7) 70-persistent-net.rules; iftab(5)",
         .rows = {"B9"},
         .paths = R"(
             /etc/udev/rules.d/70-persistent-net.rules  /etc/udev/rules.d/75-persistent-net-generator.rules
             /etc/udev/rules.d/70-persistent-{cd,ipoib}.rules  /etc/udev/rules.d/*persistent-net*
             /etc/iftab  /etc/mactab  /var/lib/ifplugd/*
         )"},
    };
}

}  // namespace imgforge::sysprep::tables
