// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/guest/offline/phony_guest.hpp"

#include <fmt/format.h>
#include <guestfs.h>

#include "builder/base/digest.hpp"

namespace imgforge::test {

using guest::Appliance;
using guest::FileType;
using guest::GuestFs;

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
    {"networkmanager-profiles", "/etc/NetworkManager/system-connections/wired.nmconnection", "[connection]\ntype=ethernet\nuuid=%s\n"},
    {"netplan", "/etc/netplan/50-cloud-init.yaml", "network: {ethernets: {a: {match: {macaddress: '%s'}}}}\n"},
    {"interfaces", "/etc/network/interfaces", "auto eth0\niface eth0 inet dhcp\n  hwaddress ether %s\n"},
    {"interfaces", "/etc/systemd/network/10-one.link", "[Match]\nMACAddress=%s\n"},
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
    {"grub-install-device", "/var/cache/debconf/config.dat", "Name: grub-pc/install_devices\nValue: /dev/disk/by-id/%s\n"},
    {"installer-datasource", "/etc/cloud/cloud.cfg.d/99-installer.cfg", ""},
    {"cloud-init", "/var/lib/cloud/instances/iid/user-data.txt", ""},
    {"cloud-init", "/var/log/cloud-init-output.log", ""},
    {"cloud-init-settings", "/etc/sudoers.d/90-cloud-init-users", ""},
    {"cloud-agents", "/etc/instance_id", ""},
    {"ubuntu-pro", "/var/lib/ubuntu-advantage/private/machine-token.json", ""},
    {"snapd", "/var/lib/snapd/state.json", "{\"data\":{\"auth\":{\"macaroon\":\"%s\"},\"snaps\":{\"core\":1}}}"},
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

std::string uuid_of(Appliance& appliance, const std::string& device) {
    return guest::take_string(appliance.call("uuid", [&](guestfs_h* g) { return guestfs_vfs_uuid(g, device.c_str()); }));
}

void mkfs(Appliance& appliance, const char* type, const std::string& device) {
    appliance.call("mkfs", [&](guestfs_h* g) { return guestfs_mkfs(g, type, device.c_str()); });
}

void mount(Appliance& appliance, const std::string& mountable, const char* type, const char* place) {
    if (std::string_view(place) != "/") {
        appliance.call("mkdir", [&](guestfs_h* g) { return guestfs_mkdir_p(g, place); });
    }
    appliance.call("mount", [&](guestfs_h* g) { return guestfs_mount_vfs(g, "", type, mountable.c_str(), place); });
}

void walk(GuestFs& fs, const std::string& folder, std::map<std::string, std::string>& into) {
    for (const guest::DirEntry& entry : fs.list(folder)) {
        const std::string path = guest::join_path(folder, entry.name);
        const guest::FileStat& stat = entry.stat;
        std::string line = fmt::format("{} {:o} {}:{}", static_cast<int>(stat.type), stat.mode, stat.uid, stat.gid);
        if (stat.type == FileType::regular) {
            line += " " + sha256_hex(fs.read(path));
        } else if (stat.type == FileType::symlink) {
            line += " -> " + fs.readlink(path);
        }
        for (const auto& [name, value] : fs.xattrs(path)) {
            line += fmt::format(" {}={}", name, value);
        }
        into.emplace(path, std::move(line));
        if (stat.type == FileType::directory) {
            walk(fs, path, into);
        }
    }
}

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

void plant(GuestFs& fs, const std::vector<Canary>& canaries, const std::string& fstab) {
    const std::vector<std::pair<const char*, const char*>> stays{
        {"/etc/os-release", "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Phony Debian\"\n"},
        {"/etc/hostname", "phony\n"},
        {"/etc/machine-id", "0123456789abcdef0123456789abcdef\n"},
        {"/etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nservice:x:100:100::/srv/service:/bin/sh\n"},
        {"/usr/sbin/sshd", "x"},
        {"/usr/bin/env", "x"},
        {"/usr/lib/systemd/systemd", "x"},
        {"/etc/ssh/moduli", "moduli"},
        {"/etc/ssh/sshd_config", "# HostKey /etc/passwd\n"},
        {"/etc/cloud/cloud.cfg", "users: [default]\n"},
        {"/var/lib/dpkg/status", "Package: base\n"},
        {"/home/user/document", "mine"},
        {"/usr/share/doc/readme", "text"},
        {"/var/cache/ldconfig/aux-cache", "aux"},
    };
    for (const auto& [path, content] : stays) {
        fs.make_directory(guest::parent_of(path));
        fs.write(path, content);
    }
    fs.chmod("/etc/machine-id", 0444);
    fs.chmod("/home/user/document", 0600);
    fs.chown("/home/user/document", 1000, 1000);
    fs.set_xattr("/home/user/document", "user.note", "kept");
    fs.symlink("usr/bin", "/bin");
    fs.write("/etc/fstab", fstab);
    for (const Canary& canary : canaries) {
        fs.make_directory(guest::parent_of(canary.path));
        fs.write(canary.path, canary.content, 0640, 0, 4);
    }
    fs.chmod("/tmp", 01777);
    // A link that leads out of a cleaned folder: what it points to stays.
    fs.symlink("/home/user/document", "/tmp/link-to-document");
}

std::map<std::string, std::string> picture(GuestFs& fs) {
    std::map<std::string, std::string> found;
    walk(fs, "/", found);
    return found;
}

std::string make_plain(Appliance& appliance, const std::string& disk) {
    appliance.call("partition", [&](guestfs_h* g) { return guestfs_part_disk(g, disk.c_str(), "mbr"); });
    mkfs(appliance, "ext4", disk + "1");
    mount(appliance, disk + "1", "ext4", "/");
    return "UUID=" + uuid_of(appliance, disk + "1") + " / ext4 errors=remount-ro 0 1\n";
}

std::string make_lvm(Appliance& appliance, const std::string& disk) {
    appliance.call("partition", [&](guestfs_h* g) {
        const int end_of_esp = 2048 + 64 * 2048;
        const int end_of_boot = end_of_esp + 128 * 2048;
        guestfs_part_init(g, disk.c_str(), "gpt");
        guestfs_part_add(g, disk.c_str(), "p", 2048, end_of_esp - 1);
        guestfs_part_add(g, disk.c_str(), "p", end_of_esp, end_of_boot - 1);
        guestfs_part_add(g, disk.c_str(), "p", end_of_boot, -2048);
        return guestfs_part_set_gpt_type(g, disk.c_str(), 1, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
    });
    const std::string volumes = disk + "3";
    appliance.call("lvm", [&](guestfs_h* g) {
        char* devices[] = {const_cast<char*>(volumes.c_str()), nullptr};
        guestfs_pvcreate(g, volumes.c_str());
        guestfs_vgcreate(g, "vg-phony", devices);
        guestfs_lvcreate(g, "root", "vg-phony", 400);
        guestfs_lvcreate(g, "var", "vg-phony", 200);
        return guestfs_lvcreate(g, "swap", "vg-phony", 64);
    });
    mkfs(appliance, "vfat", disk + "1");
    mkfs(appliance, "ext4", disk + "2");
    mkfs(appliance, "xfs", "/dev/vg-phony/root");
    mkfs(appliance, "ext4", "/dev/vg-phony/var");
    appliance.call("swap", [](guestfs_h* g) { return guestfs_mkswap(g, "/dev/vg-phony/swap"); });
    const std::string memory = "CANARYswapmemory and more of it";
    appliance.call("swap content",
                   [&](guestfs_h* g) { return guestfs_pwrite_device(g, "/dev/vg-phony/swap", memory.data(), memory.size(), 1 << 20); });
    mount(appliance, "/dev/vg-phony/root", "xfs", "/");
    mount(appliance, disk + "2", "ext4", "/boot");
    mount(appliance, "/dev/vg-phony/var", "ext4", "/var");
    mount(appliance, disk + "1", "vfat", "/boot/efi");
    // The ESP is left out of fstab on purpose: it must be found all the same.
    return "/dev/mapper/vg--phony-root / xfs defaults 0 0\nUUID=" + uuid_of(appliance, disk + "2") +
           " /boot ext4 defaults 0 2\n/dev/vg-phony/var /var ext4 defaults 0 2\n/dev/mapper/vg--phony-swap none swap sw 0 "
           "0\nUUID=dead-beef /data ext4 nofail 0 2\n";
}

std::string make_btrfs(Appliance& appliance, const std::string& disk) {
    appliance.call("partition", [&](guestfs_h* g) { return guestfs_part_disk(g, disk.c_str(), "gpt"); });
    mkfs(appliance, "btrfs", disk + "1");
    mount(appliance, disk + "1", "btrfs", "/");
    for (const char* name : {"/@", "/@home", "/.snapshots"}) {
        appliance.call("subvolume", [&](guestfs_h* g) {
            return std::string_view(name) == "/.snapshots" ? guestfs_mkdir(g, name) : guestfs_btrfs_subvolume_create(g, name);
        });
    }
    appliance.call("umount", [](guestfs_h* g) { return guestfs_umount_all(g); });
    mount(appliance, "btrfsvol:" + disk + "1/@", "btrfs", "/");
    mount(appliance, "btrfsvol:" + disk + "1/@home", "btrfs", "/home");
    const std::string uuid = uuid_of(appliance, disk + "1");
    return "UUID=" + uuid + " / btrfs subvol=@ 0 0\nUUID=" + uuid + " /home btrfs subvol=@home 0 0\n";
}

}  // namespace imgforge::test
