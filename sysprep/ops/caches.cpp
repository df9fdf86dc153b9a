// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

/// Below /var/cache, but not to be made again by whoever needs it (hier(7) or not).
bool is_needed(const std::string& path) {
    static constexpr std::array<std::string_view, 6> needed{
        "/var/cache/debconf",   "/var/cache/dictionaries-common",
        "/var/cache/swcatalog", "/var/cache/app-info",
        "/var/cache/ldconfig",  "/var/cache/snapd"};
    return std::find(needed.begin(), needed.end(), path) != needed.end();
}

/// Files go; directories stay with owner and mode, since services expect to find theirs.
void remove_cached(Cleaner& cleaner, const std::string& folder) {
    for (const guest::DirEntry& entry : cleaner.fs().list(folder)) {
        const std::string path = guest::join_path(folder, entry.name);
        if (is_needed(path)) {
            continue;
        }
        if (entry.stat.type == guest::FileType::directory) {
            remove_cached(cleaner, path);
        } else {
            cleaner.remove(path);
        }
    }
}

}  // namespace

Operation caches_operation() {
    return {
        .name = "caches",
        .heading = "Empty package and other caches",
        .reason = "weight, and traces of what was installed from where",
        .source = "hier(7) /var/cache; apt-get clean; dnf clean all",
        .rows = {"F5"},
        .order = Operation::order_rebuild,
        .paths = R"(
            /etc/apk/cache/*  /var/lib/apt/lists/*  /var/lib/dnf/repos/*  /var/lib/pacman/sync/*
            /var/cache/{apt/archives,dnf,yum,libdnf5,zypp,pacman/pkg,man,fontconfig,PackageKit,samba}/
        )",
        .perform = [](Cleaner& cleaner) { remove_cached(cleaner, "/var/cache"); },
    };
}

}  // namespace imgforge::sysprep
