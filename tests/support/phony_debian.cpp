// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/phony_debian.hpp"

#include <fmt/format.h>

#include <string_view>

namespace imgforge::test {

namespace {

/// operation, path, template of the content: %s is the mark; empty: the mark alone.
struct Row {
    const char* operation;
    const char* path;
    const char* content;
};

constexpr Row rows[] = {
    {"dbus-machine-id", "/var/lib/dbus/machine-id", ""},
    {"hostname-references", "/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 phony.%s phony\n"},
    {"machine-info", "/etc/machine-info", ""},
    {"ssh-hostkeys", "/etc/ssh/ssh_host_ed25519_key", ""},
    {"ssh-hostkeys", "/etc/ssh/ssh_host_ed25519_key-cert.pub", ""},
    {"other-ssh-hostkeys", "/etc/dropbear/dropbear_rsa_host_key", ""},
    {"random-seed", "/var/lib/systemd/random-seed", ""},
    {"random-seed", "/boot/efi/loader/random-seed", ""},
    {"credential-secret", "/var/lib/systemd/credential.secret", ""},
    {"tpm-state", "/var/lib/systemd/tpm2-srk-public-key.pem", ""},
    {"journal", "/var/log/journal/0123456789abcdef0123456789abcdef/system.journal", ""},
    {"hostid", "/etc/hostid", ""},
    {"timers", "/var/lib/systemd/timers/stamp-apt-daily.timer", ""},
    {"clock-state", "/var/lib/chrony/drift", ""},
    {"dhcp-client", "/var/lib/dhcp/dhclient.leases", ""},
    {"dhcp-client", "/var/lib/dhcpcd/duid", ""},
    {"dhcp-client", "/var/lib/NetworkManager/internal-1.lease", ""},
    {"networkmanager-state", "/var/lib/NetworkManager/secret_key", ""},
    {"networkmanager-profiles", "/etc/NetworkManager/system-connections/wifi.nmconnection",
     "[connection]\ntype=wifi\n[wifi-security]\npsk=%s\n"},
    {"networkmanager-profiles", "/etc/NetworkManager/system-connections/wired.nmconnection",
     "[connection]\ntype=ethernet\nuuid=%s\n"},
    {"netplan", "/etc/netplan/50-cloud-init.yaml",
     "network: {ethernets: {a: {match: {macaddress: '52:54:00:12:34:56'}}}} # %s\n"},
    {"interfaces", "/etc/network/interfaces",
     "auto eth0\niface eth0 inet dhcp\n  hwaddress ether 52:54:00:12:34:56 # %s\n"},
    {"interfaces", "/etc/systemd/network/10-one.link", "[Match]\nMACAddress=52:54:00:12:34:56\n# %s\n"},
    {"udev-names", "/etc/udev/rules.d/70-persistent-net.rules", ""},
    {"resolv-conf", "/etc/resolv.conf", "nameserver 10.9.8.7 # %s\n"},
    {"iscsi", "/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:%s\n"},
    {"nvme", "/etc/nvme/hostnqn", ""},
    {"vpn-identity", "/var/lib/zerotier-one/identity.secret", ""},
    {"lvm-files", "/etc/lvm/archive/vg_00000.vg", ""},
    {"multipath", "/etc/multipath/wwids", ""},
    {"blkid-cache", "/etc/blkid.tab", ""},
    {"boot-environment", "/boot/grub/grubenv", "# GRUB Environment Block\nrecordfail=%s\n"},
    {"rescue-kernel", "/boot/loader/entries/0123-0-rescue.conf", ""},
    {"grub-install-device", "/boot/grub/device.map", ""},
    {"grub-install-device", "/var/cache/debconf/config.dat",
     "Name: grub-pc/install_devices\nValue: /dev/disk/by-id/%s\n"},
    {"installer-datasource", "/etc/cloud/cloud.cfg.d/99-installer.cfg", ""},
    {"cloud-init", "/var/lib/cloud/instances/iid/user-data.txt", ""},
    {"cloud-init", "/var/log/cloud-init-output.log", ""},
    {"cloud-init-settings", "/etc/sudoers.d/90-cloud-init-users", "debian ALL=(ALL) NOPASSWD:ALL # %s\n"},
    {"cloud-agents", "/etc/instance_id", ""},
    {"ubuntu-pro", "/var/lib/ubuntu-advantage/private/machine-token.json", ""},
    {"snapd", "/var/lib/snapd/state.json",
     "{\"data\":{\"auth\":{\"macaroon\":\"%s\"},\"snaps\":{\"core\":1}}}"},
    {"popularity-contest", "/etc/popularity-contest.conf", "MY_HOSTID=\"%s\"\nPARTICIPATE=\"yes\"\n"},
    {"config-management", "/etc/puppetlabs/puppet/ssl/private_keys/a.pem", ""},
    {"containers", "/etc/docker/key.json", ""},
    {"kubernetes", "/etc/kubernetes/pki/ca.key", ""},
    {"domain", "/etc/krb5.keytab", ""},
    {"self-signed-tls", "/etc/ssl/private/ssl-cert-snakeoil.key", ""},
    {"application-ids", "/var/lib/mysql/auto.cnf", ""},
    {"libvirt", "/etc/libvirt/qemu/networks/default.xml", "<network>\n  <uuid>%s</uuid>\n</network>\n"},
    {"passwords", "/etc/shadow", "root:$6$%s:19000:0:99999:7:::\n"},
    {"ssh-user-files", "/home/user/.ssh/authorized_keys", ""},
    {"ssh-user-files", "/srv/service/.ssh/id_ed25519", ""},
    {"histories", "/root/.bash_history", ""},
    {"histories", "/srv/service/.python_history", ""},
    {"credentials", "/home/user/.aws/credentials", ""},
    {"installer-logs", "/var/log/installer/cdebconf/questions.dat", ""},
    {"installer-files", "/root/anaconda-ks.cfg", ""},
    {"debconf-passwords", "/var/cache/debconf/passwords.dat", ""},
    {"password-backups", "/etc/shadow-", ""},
    {"password-backups", "/var/backups/shadow.bak", ""},
    {"proxies", "/etc/apt/apt.conf.d/90curtin-aptproxy", ""},
    {"etckeeper", "/etc/.git/objects/ab/cdef", ""},
    {"mail", "/var/mail/user", ""},
    {"mail", "/var/spool/postfix/deferred/A/ABCDEF", ""},
    {"cron-spool", "/var/spool/cron/crontabs/user", ""},
    {"logs", "/var/log/nginx/access.log", ""},
    {"logs", "/var/log/syslog.1", ""},
    {"login-records", "/var/log/wtmp", ""},
    {"crash-data", "/var/lib/systemd/coredump/core.zst", ""},
    {"temporary-files", "/tmp/.hidden-file", ""},
    {"temporary-files", "/var/tmp/folder/file", ""},
    {"caches", "/var/cache/apt/archives/a.deb", ""},
    {"caches", "/var/lib/apt/lists/list", ""},
    {"logrotate-state", "/var/lib/logrotate/status", ""},
    {"desktop", "/var/lib/AccountsService/users/user", ""},
    {"accounting", "/var/account/pacct", ""},
    {"package-database-leftovers", "/var/lib/dpkg/status-old", ""},
    {"build-traces", "/root/virt-sysprep-firstboot.log", ""},
};

}  // namespace

std::vector<Canary> canaries(const std::string& layout) {
    std::vector<Canary> all;
    int number = 0;
    for (const Row& row : rows) {
        const std::string mark = fmt::format("CANARY{}x{:03}zq", layout, ++number);
        std::string content = row.content;
        if (content.empty()) {
            // Several lines, so that no block size hides the mark.
            for (int line = 0; line < 40; ++line) {
                content += mark + "\n";
            }
        } else {
            content.replace(content.find("%s"), 2, mark);
        }
        if (std::string_view(row.operation) == "boot-environment") {
            content += std::string(1024 - content.size(), '#');
        }
        all.push_back({row.operation, row.path, mark, content});
    }
    return all;
}

const std::map<std::string, std::string>& permanent_files() {
    static const std::map<std::string, std::string> all{
        {"/etc/os-release", "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Phony Debian\"\n"},
        {"/etc/hostname", "phony\n"},
        {"/etc/machine-id", "0123456789abcdef0123456789abcdef\n"},
        {"/etc/passwd",
         "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nservice:x:100:100::/srv/service:/"
         "bin/sh\n"},
        {"/usr/sbin/sshd", "x"},
        {"/usr/bin/env", "x"},
        {"/usr/lib/systemd/systemd", "x"},
        {"/etc/ssh/moduli", "moduli"},
        {"/etc/ssh/sshd_config", "# HostKey /etc/passwd\n"},
        {"/etc/cloud/cloud.cfg", "users: [default]\n"},
        {"/var/lib/dpkg/status", "Package: base\n"},
        {"/home/user/document", "mine"},
        {"/usr/share/doc/readme", readme_mark},
        {"/var/cache/ldconfig/aux-cache", "aux"},
    };
    return all;
}

}  // namespace imgforge::test
