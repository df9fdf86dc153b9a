// SPDX-License-Identifier: GPL-3.0-or-later
// Rules 6 and 9 to 13 of SYSPREP.md section 4: whether a clone boots, finds its seed, and is what it seems.
#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

#include <fmt/format.h>

#include "sysprep/audit/rules.hpp"

#include "builder/base/text.hpp"

namespace imgforge::sysprep::audit {

namespace {

void find_dangling(const GuestFacts& facts, const std::string& path, std::string_view text, bool is_fstab,
                   std::vector<Finding>& out) {
    // "PARTUUID=" must not match: partition ids are not among the file systems' UUIDs.
    static const std::regex reference(
        R"((^|[^A-Z])(UUID=|--fs-uuid(?: --[a-z0-9=,.-]+)* |/dev/disk/by-uuid/)\"?([0-9A-Fa-f][0-9A-Fa-f-]{7,35})(?![0-9A-Fa-f-]))");
    for (const std::string_view line : lines_of(text)) {
        const auto start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos || line[start] == '#' ||
            (is_fstab && line.find("nofail") != std::string_view::npos)) {
            continue;
        }
        using Iterator = std::regex_iterator<std::string_view::const_iterator>;
        for (Iterator at(line.begin(), line.end(), reference), end; at != end; ++at) {
            const std::string uuid = lower_case((*at)[3].str());
            const bool known =
                std::any_of(facts.os.file_systems.begin(), facts.os.file_systems.end(),
                            [&](const guest::FileSystem& fs) { return lower_case(fs.uuid) == uuid; });
            const bool said = std::any_of(out.begin(), out.end(), [&](const Finding& f) {
                return f.path == path && f.detail.find(uuid) != std::string::npos;
            });
            if (!known && !said) {
                out.push_back(leftover(
                    path,
                    fmt::format("names the file system {} that does not exist: a clone may not boot", uuid)));
            }
        }
    }
}

/// Dangling UUIDs make an image unbootable (SYSPREP.md 2.5 lists who refers to them).
std::vector<Finding> uuids(const GuestFacts& facts) {
    std::vector<Finding> out;
    const bool any_known = std::any_of(facts.os.file_systems.begin(), facts.os.file_systems.end(),
                                       [](const guest::FileSystem& fs) { return !fs.uuid.empty(); });
    if (!any_known) {
        return out;
    }
    for (const std::string pattern :
         {"/etc/fstab", "/etc/crypttab", "/etc/kernel/cmdline", "/etc/default/grub", "/etc/default/grub.d/*",
          "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/loader/entries/*.conf",
          "/boot/efi/EFI/*/grub.cfg", "/boot/efi/loader/entries/*.conf",
          "/etc/initramfs-tools/conf.d/resume"}) {
        for (const std::string& path : facts.tree.glob(pattern)) {
            find_dangling(facts, path, facts.tree.read(path), pattern == "/etc/fstab", out);
        }
    }
    return out;
}

bool has_cloud_init(const GuestTree& tree) {
    return tree.exists("/etc/cloud/cloud.cfg");
}

/// The last datasource_list wins in the order cloud-init reads its files; [None] alone never finds a seed
/// (PEERS.md T1).
std::vector<Finding> datasources(const GuestTree& tree) {
    std::string file;
    std::string list;
    auto files = tree.glob("/etc/cloud/cloud.cfg.d/*.cfg");
    files.insert(files.begin(), "/etc/cloud/cloud.cfg");
    for (const std::string& path : files) {
        for (const std::string_view line : lines_of(tree.read(path))) {
            if (line.starts_with("datasource_list:")) {
                file = path;
                list = line.substr(line.find(':') + 1);
            }
        }
    }
    const bool usable = list.empty() || list.find('[') == std::string::npos ||
                        list.find("NoCloud") != std::string::npos ||
                        list.find("ConfigDrive") != std::string::npos;
    return usable
               ? std::vector<Finding>{}
               : std::vector<Finding>{leftover(
                     file, "datasource_list has neither NoCloud nor ConfigDrive: clones ignore their seed")};
}

std::vector<Finding> cloud_init(const GuestFacts& facts) {
    std::vector<Finding> out;
    if (!has_cloud_init(facts.tree)) {
        return out;
    }
    for (const std::string& path : facts.tree.children("/var/lib/cloud")) {
        const bool empty_folder =
            facts.tree.is_directory(path) &&
            std::none_of(facts.tree.entries().lower_bound(path + "/"), facts.tree.entries().end(),
                         [&](const auto& entry) {
                             return entry.first.starts_with(path + "/") &&
                                    entry.second.stat.type != guest::FileType::directory;
                         });
        if (!empty_folder && path != "/var/lib/cloud/seed") {
            out.push_back(leftover(path, "cloud-init state of the build: clones take it for their own"));
        }
    }
    for (const std::string pattern :
         {"/etc/cloud/cloud.cfg.d/99-installer.cfg", "/etc/cloud/cloud.cfg.d/90-installer-network.cfg",
          "/etc/cloud/cloud.cfg.d/*subiquity-disable-cloudinit-networking.cfg",
          "/etc/cloud/cloud.cfg.d/20-disable-cc-dpkg-grub.cfg",
          "/etc/cloud/cloud.cfg.d/curtin-preserve-sources.cfg", "/etc/cloud/clean.d/99-installer",
          "/var/log/cloud-init*.log"}) {
        for (const std::string& path : facts.tree.glob(pattern)) {
            const TreeEntry* const entry = facts.tree.find(path);
            if (!path.starts_with("/var/log/") || entry->stat.size > 0) {
                out.push_back(leftover(
                    path, "left by the installer: clones would ignore their seed or keep its settings"));
            }
        }
    }
    if (facts.tree.exists("/etc/cloud/cloud-init.disabled") && !facts.expect.cloud_init_disabled) {
        out.push_back(leftover("/etc/cloud/cloud-init.disabled",
                               "cloud-init is switched off: clones ignore their seed"));
    }
    for (Finding& finding : datasources(facts.tree)) {
        out.push_back(std::move(finding));
    }
    return out;
}

/// SYSPREP.md C14: snapshots keep the old keys.
std::vector<Finding> snapshots(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string pattern : {"/.snapshots/*/snapshot", "/home/.snapshots/*/snapshot",
                                      "/timeshift/snapshots*/*", "/.btrfs-snapshots/*"}) {
        for (const std::string& path : facts.tree.glob(pattern)) {
            out.push_back(leftover(path, "snapshot of a file system: the old identity survives in it"));
        }
    }
    for (const guest::FileSystem& fs : facts.os.file_systems) {
        if (fs.mountable.starts_with("btrfsvol:") && fs.mountable.find("snapshot") != std::string::npos) {
            out.push_back(
                leftover(fs.mountable, "snapshot of a file system: the old identity survives in it"));
        }
    }
    return out;
}

std::vector<Finding> file_systems(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const guest::FileSystem& fs : facts.os.file_systems) {
        if (fs.dirty) {
            out.push_back(leftover(fs.mount_point.empty() ? fs.mountable : fs.mount_point,
                                   "was not unmounted cleanly: its journal had to be replayed"));
        }
    }
    return out;
}

/// UEFI 2.10, 3.5.1.1: firmware with empty variables starts \EFI\BOOT\BOOT<machine>.EFI only.
std::vector<Finding> efi_loader(const GuestFacts& facts) {
    for (const std::string esp : {"/boot/efi", "/efi", "/boot"}) {
        bool has_esp = false;
        bool has_loader = false;
        for (const std::string& path : facts.tree.below(esp)) {
            const std::string inside = lower_case(std::string_view(path).substr(esp.size()));
            has_esp =
                has_esp || inside == "/efi" || (inside.starts_with("/efi/") && inside.ends_with(".efi"));
            has_loader = has_loader || (inside.starts_with("/efi/boot/boot") && inside.ends_with(".efi"));
        }
        if (has_esp) {
            return has_loader ? std::vector<Finding>{}
                              : std::vector<Finding>{leftover(esp + "/EFI/BOOT",
                                                              "no removable-media loader: a clone has empty "
                                                              "UEFI variables and finds nothing to boot")};
        }
    }
    return {};
}

std::vector<Finding> selinux(const GuestFacts& facts) {
    std::vector<Finding> out;
    if (facts.tree.exists("/.autorelabel") && !facts.expect.autorelabel) {
        out.push_back(leftover("/.autorelabel", "every clone relabels and reboots at its first start"));
    }
    const std::string_view config = facts.tree.read("/etc/selinux/config");
    const bool enabled = config.find("\nSELINUX=enforcing") != std::string_view::npos ||
                         config.find("\nSELINUX=permissive") != std::string_view::npos ||
                         config.starts_with("SELINUX=enforcing") || config.starts_with("SELINUX=permissive");
    if (!enabled || facts.tree.exists("/.autorelabel")) {
        return out;
    }
    Finding unlabeled = leftover("", "has no security.selinux label");
    unlabeled.count = 0;
    for (const auto& [path, entry] : facts.tree.entries()) {
        const bool labelled_tree =
            path.starts_with("/etc/") || path.starts_with("/usr/") || path.starts_with("/var/");
        if (labelled_tree && entry.stat.type == guest::FileType::regular &&
            !entry.xattrs.contains("security.selinux")) {
            unlabeled.path = unlabeled.count++ == 0 ? path : unlabeled.path;
        }
    }
    if (unlabeled.count > 0) {
        out.push_back(std::move(unlabeled));
    }
    return out;
}

}  // namespace

std::vector<GuestRule> boot_rules() {
    return {
        {"boot-uuids", "all file systems that boot files name exist", "SYSPREP.md 4.6, 2.5", uuids},
        {"cloud-init", "cloud-init has no state and finds a seed", "SYSPREP.md 4.9, D1, D2", cloud_init},
        {"snapshots", "no snapshots of file systems", "SYSPREP.md 4.10, C14", snapshots},
        {"clean-shutdown", "file systems were unmounted cleanly", "SYSPREP.md 4.11", file_systems},
        {"efi-loader", "an EFI system partition has a removable-media loader", "SYSPREP.md 4.12, C13",
         efi_loader},
        {"selinux-labels", "every file has its SELinux label", "SYSPREP.md 4.13, 2.4", selinux},
    };
}

}  // namespace imgforge::sysprep::audit
