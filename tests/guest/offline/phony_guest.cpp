// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/guest/offline/phony_guest.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"

namespace imgforge::test {

namespace fs = std::filesystem;
using guest::Appliance;

namespace {

std::string uuid_of(Appliance& appliance, const std::string& device) {
    return guest::take_string(
        appliance.call("uuid", [&](guestfs_h* g) { return guestfs_vfs_uuid(g, device.c_str()); }));
}

void mkfs(Appliance& appliance, const char* type, const std::string& device) {
    appliance.call("mkfs", [&](guestfs_h* g) { return guestfs_mkfs(g, type, device.c_str()); });
}

void mount(Appliance& appliance, const std::string& mountable, const char* type, const char* place) {
    if (std::string_view(place) != "/") {
        appliance.call("mkdir", [&](guestfs_h* g) { return guestfs_mkdir_p(g, place); });
    }
    appliance.call("mount",
                   [&](guestfs_h* g) { return guestfs_mount_vfs(g, "", type, mountable.c_str(), place); });
}

/// A program of the appliance, in the guest's root: one call in place of hundreds.
std::vector<std::string> lines_from(Appliance& appliance, const std::string& command) {
    const auto output = guest::run_tool(appliance, "cd /sysroot && " + command);
    if (!output) {
        throw Error(Failure::guest, fmt::format("{}: {}", command, appliance.last_error()));
    }
    std::vector<std::string> lines;
    std::istringstream stream(*output);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

void pack_in(Appliance& appliance, const fs::path& folder) {
    const TempDir work("imgforge-phony-tar");
    const std::string archive = (work / "tree.tar").string();
    SystemProcessRunner processes;
    run_checked(processes, {.program = "tar",
                            .args = {"--numeric-owner", "--owner=0", "--group=4", "-cf", archive, "-C",
                                     folder.string(), "."}});
    appliance.call("phony guest", [&](guestfs_h* g) { return guestfs_tar_in(g, archive.c_str(), "/"); });
}

}  // namespace

void plant(Appliance& appliance, const std::vector<Canary>& canaries, const std::string& fstab) {
    const TempDir tree("imgforge-phony-tree");
    const auto put = [&](const std::string& path, const std::string& content, fs::perms mode) {
        const fs::path file = tree.path() / path.substr(1);
        fs::create_directories(file.parent_path());
        std::ofstream(file) << content;
        fs::permissions(file, mode);
    };
    for (const auto& [path, content] : permanent_files()) {
        put(path, content, fs::perms(0644));
    }
    put("/etc/fstab", fstab, fs::perms(0644));
    const auto on_esp = [](const Canary& canary) { return canary.path.starts_with("/boot/efi/"); };
    for (const Canary& canary : canaries) {
        if (!on_esp(canary)) {
            put(canary.path, canary.content, fs::perms(0640));
        }
    }
    fs::permissions(tree.path(), fs::perms(0755));
    pack_in(appliance, tree.path());

    guest::ApplianceFs guest(appliance);
    for (const Canary& canary : canaries) {
        // FAT knows no owners, which tar takes for an error.
        if (on_esp(canary)) {
            guest.make_directory(guest::parent_of(canary.path));
            guest.write(canary.path, canary.content, 0640, 0, 4);
        }
    }
    guest.chmod("/etc/machine-id", 0444);
    guest.chmod("/home/user/document", 0600);
    guest.chown("/home/user/document", 1000, 1000);
    guest.set_xattr("/home/user/document", "user.note", "kept");
    guest.symlink("usr/bin", "/bin");
    guest.make_directory("/tmp");
    guest.chmod("/tmp", 01777);
    // A link that leads out of a cleaned directory: what it points to stays.
    guest.symlink("/home/user/document", "/tmp/link-to-document");
    if (fstab.find(" / ext4") != std::string::npos) {
        // The target lies in the inode, of which the journal keeps copies.
        guest.symlink("CANARYjournalx900zq", "/tmp/link-in-the-journal");
    }
}

std::map<std::string, std::string> picture(Appliance& appliance) {
    std::map<std::string, std::string> found;
    // Each line: path, a tab, what is known. No name of the phony guest holds a tab or a newline.
    for (const std::string& line :
         lines_from(appliance, R"(find . -mindepth 1 -printf '%P\t%y %m %U:%G -> %l\n')")) {
        const std::size_t tab = line.find('\t');
        found["/" + line.substr(0, tab)] = line.substr(tab + 1);
    }
    for (const std::string& line : lines_from(appliance, "find . -type f -exec sha256sum {} +")) {
        found["/" + line.substr(68)] += " " + line.substr(0, 64);
    }
    std::string file;
    for (const std::string& line :
         lines_from(appliance, "find . -exec getfattr -h -d -m - -e hex {} + 2>/dev/null; true")) {
        if (line.starts_with("# file: ")) {
            file = line.substr(8);
        } else if (!line.empty()) {
            found["/" + file] += " " + line;
        }
    }
    return found;
}

std::string make_plain(Appliance& appliance, const std::string& disk) {
    appliance.call("partition", [&](guestfs_h* g) { return guestfs_part_disk(g, disk.c_str(), "mbr"); });
    // As Debian 13 makes it.
    appliance.call("mkfs", [&](guestfs_h* g) {
        return guestfs_mkfs_opts(g, "ext4", (disk + "1").c_str(), GUESTFS_MKFS_OPTS_FEATURES, "orphan_file",
                                 -1);
    });
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
        guestfs_lvcreate(g, "home", "vg-phony", 48);
        return guestfs_lvcreate(g, "swap", "vg-phony", 64);
    });
    mkfs(appliance, "vfat", disk + "1");
    mkfs(appliance, "ext4", disk + "2");
    mkfs(appliance, "xfs", "/dev/vg-phony/root");
    mkfs(appliance, "ext4", "/dev/vg-phony/var");
    // Its journal is found by a block map, not by extents.
    mkfs(appliance, "ext3", "/dev/vg-phony/home");
    appliance.call("swap", [](guestfs_h* g) { return guestfs_mkswap(g, "/dev/vg-phony/swap"); });
    const std::string memory = "CANARYswapmemory and more of it";
    appliance.call("swap content", [&](guestfs_h* g) {
        return guestfs_pwrite_device(g, "/dev/vg-phony/swap", memory.data(), memory.size(), 1 << 20);
    });
    mount(appliance, "/dev/vg-phony/root", "xfs", "/");
    guest::ApplianceFs guest(appliance);
    guest.make_directory("/var/log");
    guest.write(hidden_log, "CANARYhiddenx901zq: written before /var was mounted\n");
    mount(appliance, disk + "2", "ext4", "/boot");
    mount(appliance, "/dev/vg-phony/home", "ext3", "/home");
    mount(appliance, "/dev/vg-phony/var", "ext4", "/var");
    mount(appliance, disk + "1", "vfat", "/boot/efi");
    // The ESP is left out of fstab on purpose: it must be found all the same.
    return "/dev/mapper/vg--phony-root / xfs defaults 0 0\nUUID=" + uuid_of(appliance, disk + "2") +
           " /boot ext4 defaults 0 2\n/dev/vg-phony/home /home ext3 defaults 0 2\n/dev/vg-phony/var /var "
           "ext4 defaults 0 "
           "2\n/dev/mapper/vg--phony-swap none swap sw 0 "
           "0\nUUID=dead-beef /data ext4 nofail 0 2\n";
}

std::string make_btrfs(Appliance& appliance, const std::string& disk) {
    appliance.call("partition", [&](guestfs_h* g) { return guestfs_part_disk(g, disk.c_str(), "gpt"); });
    mkfs(appliance, "btrfs", disk + "1");
    mount(appliance, disk + "1", "btrfs", "/");
    for (const char* name : {"/@", "/@home", "/.snapshots"}) {
        appliance.call("subvolume", [&](guestfs_h* g) {
            return std::string_view(name) == "/.snapshots" ? guestfs_mkdir(g, name)
                                                           : guestfs_btrfs_subvolume_create(g, name);
        });
    }
    appliance.call("umount", [](guestfs_h* g) { return guestfs_umount_all(g); });
    mount(appliance, "btrfsvol:" + disk + "1/@", "btrfs", "/");
    mount(appliance, "btrfsvol:" + disk + "1/@home", "btrfs", "/home");
    const std::string uuid = uuid_of(appliance, disk + "1");
    return "UUID=" + uuid + " / btrfs subvol=@ 0 0\nUUID=" + uuid + " /home btrfs subvol=@home 0 0\n";
}

}  // namespace imgforge::test
