// SPDX-License-Identifier: GPL-3.0-or-later
#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

bool is_backup(const std::string& name) {
    static constexpr std::array<const char*, 16> patterns{
        "*~",           "*.bak",       "*.orig",    "*.dpkg-old",  "*.dpkg-bak", "*.ucf-old",
        "*.rpmsave",    "*.rpmorig",   "*.pacsave", "*.apk-old",   ".*.sw[nop]", "#*#",
        "*.bak.[0-9]*", "*.bak[0-9]*", "*.save",    "*.old-[0-9]*"};
    return std::any_of(patterns.begin(), patterns.end(), [&](const char* pattern) {
        return ::fnmatch(pattern, name.c_str(), FNM_PERIOD) == 0;
    });
}

/// Trees in which such names belong to packages, images of containers or repositories.
bool is_excluded(const std::string& path) {
    static constexpr std::array<std::string_view, 12> excluded{
        "/var/lib/dpkg/",    "/var/lib/rpm/",   "/var/lib/docker/", "/var/lib/containers/",
        "/var/lib/flatpak/", "/var/lib/snapd/", "/var/lib/pacman/", "/var/lib/containerd/",
        "/var/lib/apk/",     "/var/lib/lxd/",   "/var/lib/incus/",  "/var/lib/machines/"};
    return std::any_of(excluded.begin(), excluded.end(),
                       [&](std::string_view tree) { return path.starts_with(tree); });
}

/// Nine levels of directories below each root, hidden ones aside: one question to the guest, where a walk
/// would be one for each directory.
std::vector<std::string> candidates(Cleaner& cleaner) {
    std::vector<std::string> roots{"/etc", "/root", "/srv", "/var"};
    for (const std::string& home : cleaner.homes()) {
        if (home.starts_with("/home/") || home.starts_with("/opt/")) {
            roots.push_back(guest::glob_quote(home));
        }
    }
    std::vector<std::string> patterns;
    for (std::string folder : roots) {
        for (int depth = 0; depth < 9; ++depth) {
            patterns.push_back(folder + "/{*~,*.bak*,*.orig,*.save,.*.sw[nop],#*#}");
            patterns.push_back(folder + "/*{.dpkg-,.ucf-,.rpm,.pac,.apk-,.old-}*");
            folder += "/*";
        }
    }
    return cleaner.fs().glob_all(patterns);
}

}  // namespace

Operation backup_files_operation() {
    return {
        .name = "backup-files",
        .heading = "Remove backups that editors and package managers left",
        .reason = "they keep what was changed since: passwords, keys, names",
        .source = "virt-sysprep(1) backup-files; dpkg(1), rpm(8), ucf(1), vim(1)",
        .rows = {"E9"},
        .paths = "/boot/*{.bak,~,.orig,.dpkg-bak,.old-dkms}  /boot/*/*.bak  /boot/grub{,2}/*~",
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path : candidates(cleaner)) {
                    const auto stat = is_backup(guest::base_name(path)) && !is_excluded(path)
                                          ? cleaner.fs().lstat(path)
                                          : std::nullopt;
                    if (stat && stat->type == guest::FileType::regular) {
                        cleaner.remove(path);
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
