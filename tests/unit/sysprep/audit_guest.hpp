// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sysprep/audit/rules.hpp"

namespace imgforge::sysprep::audit {

/// A guest in memory; parents of files appear by themselves.
class AuditGuest {
public:
    /// A clean Debian-like guest with sshd, cloud-init, sudo, a key maker of ours and an ESP.
    AuditGuest() {
        file("/etc/machine-id", "", 0444);
        link("/var/lib/dbus/machine-id", "/etc/machine-id");
        file("/etc/hostname", "localhost\n");
        file("/etc/passwd",
             "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n");
        file("/etc/shadow", "root:!:20000::::::\nnobody:*:20000::::::\n");
        file("/etc/gshadow", "root:*::\nsudo:!::\n");
        file("/etc/sudoers", "# %sudo ALL=(ALL) NOPASSWD: ALL\n%sudo ALL=(ALL:ALL) ALL\n");
        file(
            "/etc/fstab",
            "# UUID=dead-beef is a comment\nUUID=11111111-2222-3333-4444-555555555555 / ext4 defaults 0 1\n");
        file("/boot/grub/grub.cfg",
             "search --no-floppy --fs-uuid --set=root 11111111-2222-3333-4444-555555555555\n");
        file("/boot/efi/EFI/debian/shimx64.efi", "x");
        file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "x");
        file("/etc/ssh/sshd_config", "Port 22\n");
        file("/etc/systemd/system/keys.service", "[Service]\nExecStart=/usr/bin/ssh-keygen -A\n");
        link("/etc/systemd/system/multi-user.target.wants/keys.service", "/etc/systemd/system/keys.service");
        file("/etc/network/interfaces", "auto lo\niface lo inet loopback\n");
        file("/etc/cloud/cloud.cfg", "users:\n - default\n");
        folder("/var/lib/cloud");
        folder("/var/log/journal");
        file("/var/log/lastlog", "");
        folder("/tmp");
        folder("/root");
        file("/etc/selinux/config", "SELINUX=disabled\n");
        os.init = "systemd";
        os.family = "debian";
        os.file_systems = {{.mountable = "/dev/sda1",
                            .type = "ext4",
                            .uuid = "11111111-2222-3333-4444-555555555555",
                            .mount_point = "/"}};
    }
    void add(const std::string& path, TreeEntry entry) {
        for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0;
             slash = path.rfind('/', slash - 1)) {
            if (!tree.exists(path.substr(0, slash))) {
                TreeEntry parent;
                parent.stat.type = guest::FileType::directory;
                tree.add(path.substr(0, slash), parent);
            }
        }
        tree.add(path, std::move(entry));
    }
    void file(const std::string& path, const std::string& content, std::uint32_t mode = 0644) {
        add(path, {.stat = {.type = guest::FileType::regular, .mode = mode, .size = content.size()},
                   .content = content});
    }
    void link(const std::string& path, const std::string& target) {
        add(path, {.stat = {.type = guest::FileType::symlink}, .target = target});
    }
    void folder(const std::string& path) {
        add(path, {.stat = {.type = guest::FileType::directory, .mode = 0755}});
    }
    void remove(const std::string& path) {
        GuestTree rest;
        for (const auto& [name, entry] : tree.entries()) {
            if (name != path && !name.starts_with(path + "/")) {
                rest.add(name, entry);
            }
        }
        tree = rest;
    }
    std::set<std::string> failing() const {
        std::set<std::string> rules;
        for (const Finding& finding : findings()) {
            rules.insert(finding.rule);
        }
        return rules;
    }
    std::vector<Finding> findings() const {
        return check_guest({.tree = tree, .os = os, .expect = expect, .initramfs_identity = initramfs});
    }

    GuestTree tree;
    guest::Inspection os;
    Expectations expect;
    std::vector<std::string> initramfs;
};

}  // namespace imgforge::sysprep::audit
