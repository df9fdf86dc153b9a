// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance_fs.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "builder/base/handle.hpp"
#include "builder/guest/appliance_words.hpp"
#include "builder/guest/guestfs_library.hpp"

// What ApplianceFs reads; its changes are in appliance_fs_changes.cpp.
namespace imgforge::guest {

namespace {

using StatNs = Handle<struct guestfs_statns, &guestfs_free_statns>;
using StatNsList = Handle<struct guestfs_statns_list, &guestfs_free_statns_list>;
using XattrList = Handle<guestfs_xattr_list, &guestfs_free_xattr_list>;

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

/// A path that means "nothing there": missing, a parent that is not a directory, a loop of links, a name no
/// file system takes.
bool is_absent(int code) {
    return code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG;
}

}  // namespace

std::string_view type_word(FileType type) {
    switch (type) {
        case FileType::regular: return "regular file";
        case FileType::directory: return "directory";
        case FileType::symlink: return "symbolic link";
        case FileType::character:
        case FileType::block: return "device node";
        case FileType::fifo: return "named pipe";
        case FileType::socket: return "socket";
    }
    return "file";
}

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

}  // namespace imgforge::guest
