// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/guestfs_library.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "builder/guest/appliance_words.hpp"

// What ApplianceFs changes in the guest; it never follows a link out of the guest (appliance_fs.hpp).
namespace imgforge::guest {

void ApplianceFs::put(const std::string& path, std::string_view content) {
    std::string_view rest = content;
    appliance_.call(fmt::format("write to {}", path), [&](guestfs_h* g) {
        return guestfs_write(g, path.c_str(), rest.data(), std::min(rest.size(), message_bytes));
    });
    rest.remove_prefix(std::min(rest.size(), message_bytes));
    while (!rest.empty()) {
        const std::size_t part = std::min(rest.size(), message_bytes);
        appliance_.call(fmt::format("write to {}", path), [&](guestfs_h* g) {
            return guestfs_write_append(g, path.c_str(), rest.data(), part);
        });
        rest.remove_prefix(part);
    }
}

void ApplianceFs::set_owner_and_mode(const std::string& path, std::uint32_t uid, std::uint32_t gid,
                                     std::uint32_t mode) {
    // FAT has neither and answers EPERM; a new file there has what the mount says.
    const bool done = appliance_.attempt("owner", [&](guestfs_h* g) {
        return guestfs_lchown(g, static_cast<int>(uid), static_cast<int>(gid), path.c_str());
    }) == 0 && appliance_.attempt("mode", [&](guestfs_h* g) {
        return guestfs_chmod(g, static_cast<int>(mode), path.c_str());
    }) == 0;
    if (!done && appliance_.last_errno() != EPERM) {
        throw ApplianceError(
            Failure::guest,
            fmt::format("cannot set owner and mode of {} in the guest: {}", path, appliance_.last_error()),
            {}, appliance_.last_errno());
    }
}

void ApplianceFs::give_own_inode(const std::string& path, const FileStat& stat) {
    const auto attributes = xattrs(path);
    appliance_.call(fmt::format("unlink of {}", path),
                    [&](guestfs_h* g) { return guestfs_rm(g, path.c_str()); });
    appliance_.call(fmt::format("creation of {}", path),
                    [&](guestfs_h* g) { return guestfs_write(g, path.c_str(), "", 0); });
    chown(path, stat.uid, stat.gid);
    chmod(path, stat.mode);
    for (const auto& [name, value] : attributes) {
        set_xattr(path, name, value);
    }
}

void ApplianceFs::write(std::string_view path, std::string_view content, std::uint32_t mode,
                        std::uint32_t uid, std::uint32_t gid) {
    const std::string name(path);
    if (!exists(path)) {
        put(name, content);
        set_owner_and_mode(name, uid, gid, mode);
        return;
    }
    const FileStat stat = require_regular(path, "write");
    if (stat.links > 1) {
        give_own_inode(name, stat);
    }
    put(name, content);
}

void ApplianceFs::truncate(std::string_view path) {
    const std::string name(path);
    const FileStat stat = require_regular(path, "empty");
    if (stat.links > 1) {
        give_own_inode(name, stat);
        return;
    }
    appliance_.call(fmt::format("truncate of {}", path),
                    [&](guestfs_h* g) { return guestfs_truncate(g, name.c_str()); });
}

void ApplianceFs::overwrite(std::string_view path) {
    const std::string name(path);
    const std::uint64_t size = require_regular(path, "overwrite").size;
    const std::string zeros(static_cast<std::size_t>(std::min<std::uint64_t>(size, message_bytes)), '\0');
    for (std::uint64_t at = 0; at < size;) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, zeros.size()));
        // Not write(): an open that truncates gives the old blocks back unwritten.
        appliance_.call(fmt::format("overwriting of {}", path), [&](guestfs_h* g) {
            return guestfs_pwrite(g, name.c_str(), zeros.data(), part, static_cast<std::int64_t>(at)) < 0 ? -1
                                                                                                          : 0;
        });
        at += part;
    }
    appliance_.call("sync", [](guestfs_h* g) { return guestfs_sync(g); });
}

void ApplianceFs::remove(std::string_view path) {
    const auto parent = resolve(parent_of(path));
    const std::string name = base_name(path);
    if (!parent || name.empty() || name == "." || name == "..") {
        if (parent && (name.empty() || name == "." || name == "..")) {
            throw Error(Failure::guest, fmt::format("refusing to remove {} in the guest", path));
        }
        return;
    }
    const std::string canonical = join_path(*parent, name);
    const auto stat = lstat(canonical);
    if (!stat) {
        return;
    }
    if (stat->type == FileType::directory) {
        const auto above = lstat(*parent);
        if (above && above->device != stat->device) {
            remove_mount_point_content(canonical);
            return;
        }
        remove_tree(canonical);
    } else {
        appliance_.call(fmt::format("removal of {}", path),
                        [&](guestfs_h* g) { return guestfs_rm(g, canonical.c_str()); });
    }
    if (lstat(canonical)) {
        throw Error(Failure::guest, fmt::format("{} is still there after its removal", path));
    }
}

void ApplianceFs::remove_mount_point_content(const std::string& canonical) {
    for (const DirEntry& entry : list(canonical)) {
        remove(join_path(canonical, entry.name));
    }
}

void ApplianceFs::remove_tree(const std::string& canonical) {
    // Starting a program in the appliance costs 0.1 s under TCG, a call 2 ms: small flat directories go file
    // by file.
    constexpr std::size_t few = 40;
    const std::vector<DirEntry> entries = list(canonical);
    const bool flat = std::none_of(entries.begin(), entries.end(), [](const DirEntry& entry) {
        return entry.stat.type == FileType::directory;
    });
    if (!flat || entries.size() > few) {
        appliance_.call(fmt::format("removal of {}", canonical),
                        [&](guestfs_h* g) { return guestfs_rm_rf(g, canonical.c_str()); });
        return;
    }
    for (const DirEntry& entry : entries) {
        const std::string child = join_path(canonical, entry.name);
        appliance_.call(fmt::format("removal of {}", child),
                        [&](guestfs_h* g) { return guestfs_rm(g, child.c_str()); });
    }
    appliance_.call(fmt::format("removal of {}", canonical),
                    [&](guestfs_h* g) { return guestfs_rmdir(g, canonical.c_str()); });
}

void ApplianceFs::make_directory(std::string_view path, std::uint32_t mode) {
    const auto found = lstat(path);
    if (found) {
        if (found->type == FileType::directory || (found->type == FileType::symlink && resolve(path))) {
            return;
        }
        throw Error(Failure::guest, fmt::format("cannot make the directory {} in the guest: a {} is there",
                                                path, type_word(found->type)));
    }
    const std::string parent = parent_of(path);
    if (parent != "/") {
        make_directory(parent, 0755);
    }
    const std::string name(path);
    appliance_.call(fmt::format("directory {}", path),
                    [&](guestfs_h* g) { return guestfs_mkdir(g, name.c_str()); });
    appliance_.call(fmt::format("mode of {}", path),
                    [&](guestfs_h* g) { return guestfs_chmod(g, static_cast<int>(mode), name.c_str()); });
}

void ApplianceFs::symlink(std::string_view target, std::string_view path) {
    const auto found = lstat(path);
    if (found && found->type == FileType::directory) {
        throw Error(Failure::guest,
                    fmt::format("cannot make the link {} in the guest: a directory is there", path));
    }
    if (found) {
        remove(path);
    }
    const std::string to(target);
    const std::string name(path);
    appliance_.call(fmt::format("link {}", path),
                    [&](guestfs_h* g) { return guestfs_ln_s(g, to.c_str(), name.c_str()); });
}

void ApplianceFs::rename(std::string_view from, std::string_view to) {
    const std::string old_name(from);
    const std::string new_name(to);
    appliance_.call(fmt::format("rename of {} to {}", from, to),
                    [&](guestfs_h* g) { return guestfs_rename(g, old_name.c_str(), new_name.c_str()); });
}

void ApplianceFs::chmod(std::string_view path, std::uint32_t mode) {
    // chmod(2) follows a link.
    const FileStat stat = require(path);
    if (stat.type == FileType::symlink) {
        throw Error(
            Failure::guest,
            fmt::format("refusing to change the mode of {} in the guest: it is a symbolic link", path));
    }
    const std::string name(path);
    appliance_.call(fmt::format("mode of {}", path),
                    [&](guestfs_h* g) { return guestfs_chmod(g, static_cast<int>(mode), name.c_str()); });
}

void ApplianceFs::chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
    const std::string name(path);
    appliance_.call(fmt::format("owner of {}", path), [&](guestfs_h* g) {
        return guestfs_lchown(g, static_cast<int>(uid), static_cast<int>(gid), name.c_str());
    });
}

void ApplianceFs::set_xattr(std::string_view path, std::string_view name, std::string_view value) {
    const std::string file(path);
    const std::string key(name);
    const std::string content(value);
    appliance_.call(fmt::format("attribute {} of {}", name, path), [&](guestfs_h* g) {
        return guestfs_lsetxattr(g, key.c_str(), content.c_str(), static_cast<int>(content.size()),
                                 file.c_str());
    });
}

}  // namespace imgforge::guest
