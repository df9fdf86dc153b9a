// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance_fs.hpp"

#include <fmt/format.h>
#include <guestfs.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "builder/base/handle.hpp"

namespace imgforge::guest {

namespace {

using StatNs = Handle<struct guestfs_statns, guestfs_free_statns>;
using StatNsList = Handle<struct guestfs_statns_list, guestfs_free_statns_list>;
using XattrList = Handle<guestfs_xattr_list, guestfs_free_xattr_list>;

/// A protocol message of libguestfs holds less than 4 MiB.
constexpr std::size_t message_bytes = 1U << 20U;

FileType type_of(std::int64_t mode) {
    switch (static_cast<std::uint64_t>(mode) & S_IFMT) {
        case S_IFDIR: return FileType::directory;
        case S_IFLNK: return FileType::symlink;
        case S_IFCHR: return FileType::character;
        case S_IFBLK: return FileType::block;
        case S_IFIFO: return FileType::fifo;
        case S_IFSOCK: return FileType::socket;
        default: return FileType::regular;
    }
}

FileStat to_stat(const struct guestfs_statns& raw) {
    FileStat stat;
    stat.type = type_of(raw.st_mode);
    stat.mode = static_cast<std::uint32_t>(raw.st_mode) & 07777U;
    stat.uid = static_cast<std::uint32_t>(raw.st_uid);
    stat.gid = static_cast<std::uint32_t>(raw.st_gid);
    stat.size = static_cast<std::uint64_t>(raw.st_size);
    stat.links = static_cast<std::uint64_t>(raw.st_nlink);
    stat.mtime = raw.st_mtime_sec;
    stat.inode = static_cast<std::uint64_t>(raw.st_ino);
    stat.device = static_cast<std::uint64_t>(raw.st_dev);
    return stat;
}

std::string_view type_word(FileType type) {
    switch (type) {
        case FileType::regular: return "regular file";
        case FileType::directory: return "folder";
        case FileType::symlink: return "symbolic link";
        case FileType::character:
        case FileType::block: return "device node";
        case FileType::fifo: return "named pipe";
        case FileType::socket: return "socket";
    }
    return "file";
}

/// A path that means "nothing there": missing, a parent that is not a directory, a loop of links, a name no
/// file system takes.
bool is_absent(int code) {
    return code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG;
}

}  // namespace

std::optional<FileStat> ApplianceFs::lstat(std::string_view path) {
    const std::string name(path);
    const StatNs raw(
        appliance_.attempt(path, [&](guestfs_h* g) { return guestfs_lstatns(g, name.c_str()); }));
    if (raw) {
        return to_stat(*raw);
    }
    if (is_absent(appliance_.last_errno())) {
        return std::nullopt;
    }
    throw ApplianceError(Failure::guest,
                         fmt::format("cannot look at {} in the guest: {}", path, appliance_.last_error()), {},
                         appliance_.last_errno());
}

FileStat ApplianceFs::require(std::string_view path) {
    const auto found = lstat(path);
    if (!found) {
        throw ApplianceError(Failure::guest, fmt::format("{} does not exist in the guest", path), {}, ENOENT);
    }
    return *found;
}

FileStat ApplianceFs::require_regular(std::string_view path, std::string_view action) {
    const FileStat found = require(path);
    if (found.type != FileType::regular) {
        throw Error(Failure::guest, fmt::format("refusing to {} {} in the guest: it is a {}", action, path,
                                                type_word(found.type)));
    }
    return found;
}

std::vector<DirEntry> ApplianceFs::list(std::string_view directory) {
    const auto canonical = resolve(directory);
    if (!canonical) {
        return {};
    }
    // Not readdir: its answer is one protocol message of less than 4 MiB, 100 000 files with short names at
    // most.
    char** const raw =
        appliance_.attempt(directory, [&](guestfs_h* g) { return guestfs_ls(g, canonical->c_str()); });
    if (raw == nullptr) {
        if (is_absent(appliance_.last_errno())) {
            return {};
        }
        throw ApplianceError(
            Failure::guest,
            fmt::format("cannot list {} in the guest: {}", directory, appliance_.last_error()), {},
            appliance_.last_errno());
    }
    std::vector<std::string> names = take_strings(raw);
    std::sort(names.begin(), names.end());
    std::vector<DirEntry> entries;
    constexpr std::size_t batch = 1000;
    for (std::size_t start = 0; start < names.size(); start += batch) {
        std::vector<char*> pointers;
        const std::size_t end = std::min(names.size(), start + batch);
        for (std::size_t index = start; index < end; ++index) {
            pointers.push_back(names[index].data());
        }
        pointers.push_back(nullptr);
        const StatNsList stats(appliance_.call(fmt::format("list of {}", directory), [&](guestfs_h* g) {
            return guestfs_lstatnslist(g, canonical->c_str(), pointers.data());
        }));
        for (std::uint32_t index = 0; index < stats->len; ++index) {
            // st_ino -1: it went away in between (guestfs_lstatnslist)
            if (stats->val[index].st_ino != -1) {
                entries.push_back({names[start + index], to_stat(stats->val[index])});
            }
        }
    }
    return entries;
}

std::string ApplianceFs::read(std::string_view path, std::uint64_t limit) {
    const auto canonical = resolve(path);
    if (!canonical) {
        throw ApplianceError(Failure::guest, fmt::format("{} does not exist in the guest", path), {}, ENOENT);
    }
    const FileStat stat = require_regular(*canonical, "read");
    if (stat.size > limit) {
        throw Error(Failure::guest, fmt::format("{} in the guest has {} bytes, more than the {} expected",
                                                path, stat.size, limit));
    }
    std::string content;
    while (content.size() < stat.size) {
        std::size_t got = 0;
        char* bytes = appliance_.call(fmt::format("read of {}", path), [&](guestfs_h* g) {
            return guestfs_pread(
                g, canonical->c_str(),
                static_cast<int>(std::min<std::uint64_t>(message_bytes, stat.size - content.size())),
                static_cast<std::int64_t>(content.size()), &got);
        });
        content.append(bytes, got);
        std::free(bytes);
        if (got == 0) {
            break;
        }
    }
    return content;
}

std::string ApplianceFs::readlink(std::string_view path) {
    const std::string name(path);
    return take_string(appliance_.call(fmt::format("link {}", path),
                                       [&](guestfs_h* g) { return guestfs_readlink(g, name.c_str()); }));
}

std::optional<std::string> ApplianceFs::resolve(std::string_view path) {
    const std::string name(path);
    char* raw = appliance_.attempt(path, [&](guestfs_h* g) { return guestfs_realpath(g, name.c_str()); });
    if (raw == nullptr) {
        return std::nullopt;
    }
    return take_string(raw);
}

std::vector<std::string> ApplianceFs::glob(std::string_view pattern) {
    const std::string text(pattern);
    std::vector<std::string> found =
        take_strings(appliance_.call(fmt::format("pattern {}", pattern), [&](guestfs_h* g) {
            return guestfs_glob_expand_opts(g, text.c_str(), GUESTFS_GLOB_EXPAND_OPTS_DIRECTORYSLASH, 0, -1);
        }));
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::vector<std::string> ApplianceFs::glob_all(const std::vector<std::string>& patterns) {
    std::vector<std::string> all;
    // GLOB_BRACE is on: /{a,b*} is one round trip for many patterns.
    constexpr std::size_t batch = 200;
    for (std::size_t start = 0; start < patterns.size(); start += batch) {
        std::string joined = "/{";
        for (std::size_t index = start; index < std::min(patterns.size(), start + batch); ++index) {
            joined += index == start ? "" : ",";
            joined += std::string_view(patterns[index]).substr(1);
        }
        const std::vector<std::string> found = glob(joined + (patterns.size() - start == 1 ? ",}" : "}"));
        all.insert(all.end(), found.begin(), found.end());
    }
    // "/{x,}" also matches the root itself.
    std::erase(all, "/");
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

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

std::map<std::string, std::string> ApplianceFs::xattrs(std::string_view path) {
    const std::string name(path);
    const XattrList raw(
        appliance_.attempt(path, [&](guestfs_h* g) { return guestfs_lgetxattrs(g, name.c_str()); }));
    std::map<std::string, std::string> attributes;
    if (!raw) {
        if (appliance_.last_errno() == ENOTSUP) {
            return attributes;
        }
        throw ApplianceError(
            Failure::guest,
            fmt::format("cannot read the attributes of {} in the guest: {}", path, appliance_.last_error()),
            {}, appliance_.last_errno());
    }
    for (std::uint32_t index = 0; index < raw->len; ++index) {
        attributes.emplace(raw->val[index].attrname,
                           std::string(raw->val[index].attrval, raw->val[index].attrval_len));
    }
    return attributes;
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
