// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/memory_guest_fs.hpp"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "tests/support/path_parts.hpp"

namespace imgforge::guest {

std::optional<FileStat> MemoryGuestFs::lstat(std::string_view path) {
    const auto node = find(path);
    if (!node) {
        return std::nullopt;
    }
    FileStat stat = node->stat;
    stat.size = node->content.size();
    return stat;
}

std::vector<DirEntry> MemoryGuestFs::list(std::string_view directory) {
    const auto canonical = resolve(directory);
    std::vector<DirEntry> entries;
    if (!canonical) {
        return entries;
    }
    for (const auto& [path, node] : nodes_) {
        if (path != "/" && parent_of(path) == *canonical) {
            entries.push_back({base_name(path), *lstat(path)});
        }
    }
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& left, const DirEntry& right) { return left.name < right.name; });
    return entries;
}

std::string MemoryGuestFs::read(std::string_view path, std::uint64_t limit) {
    const auto canonical = resolve(path);
    if (!canonical) {
        throw Error(Failure::guest, fmt::format("{} does not exist in the guest", path));
    }
    const auto node = need_regular(*canonical, "read");
    if (node->content.size() > limit) {
        throw Error(Failure::guest, fmt::format("{} in the guest is larger than expected", path));
    }
    return node->content;
}

std::string MemoryGuestFs::readlink(std::string_view path) {
    const auto node = need(path);
    if (node->stat.type != FileType::symlink) {
        throw Error(Failure::guest, fmt::format("{} is not a link", path));
    }
    return node->content;
}

std::optional<std::string> MemoryGuestFs::resolve(std::string_view path) {
    return follow(path, 0);
}

std::vector<std::string> MemoryGuestFs::glob(std::string_view pattern) {
    std::vector<std::string> found;
    for (const std::string& one : braces_expanded(std::string(pattern))) {
        std::vector<std::string> paths{"/"};
        for (const std::string& part : components(one)) {
            std::vector<std::string> deeper;
            const bool literal = part.find_first_of("*?[\\") == std::string::npos;
            for (const std::string& path : paths) {
                if (literal) {
                    if (exists(join_path(path, part))) {
                        deeper.push_back(join_path(path, part));
                    }
                    continue;
                }
                for (const DirEntry& entry : list(path)) {
                    if (::fnmatch(part.c_str(), entry.name.c_str(), FNM_PERIOD) == 0) {
                        deeper.push_back(join_path(path, entry.name));
                    }
                }
            }
            paths = std::move(deeper);
        }
        found.insert(found.end(), paths.begin(), paths.end());
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

void MemoryGuestFs::write(std::string_view path, std::string_view content, std::uint32_t mode,
                          std::uint32_t uid, std::uint32_t gid) {
    if (!find(path)) {
        const auto node = create(path, FileType::regular, mode);
        node->stat.uid = uid;
        node->stat.gid = gid;
        node->content = content;
        return;
    }
    need_regular(path, "write");
    own_inode(path)->content = content;
}

void MemoryGuestFs::truncate(std::string_view path) {
    need_regular(path, "empty");
    own_inode(path)->content.clear();
}

void MemoryGuestFs::overwrite(std::string_view path) {
    need_regular(path, "overwrite");
    std::string& content = find(path)->content;
    content.assign(content.size(), '\0');
}

void MemoryGuestFs::remove(std::string_view path) {
    const std::string name = base_name(path);
    if (components(path).empty() || name == "." || name == "..") {
        throw Error(Failure::guest, fmt::format("refusing to remove {} in the guest", path));
    }
    const auto where = place(path);
    if (!where) {
        return;
    }
    for (auto node = nodes_.begin(); node != nodes_.end();) {
        if (node->first == *where || node->first.starts_with(*where + "/")) {
            --node->second->stat.links;
            node = nodes_.erase(node);
        } else {
            ++node;
        }
    }
}

void MemoryGuestFs::make_directory(std::string_view path, std::uint32_t mode) {
    if (const auto node = find(path)) {
        if (node->stat.type == FileType::directory ||
            (node->stat.type == FileType::symlink && resolve(path))) {
            return;
        }
        throw Error(Failure::guest, fmt::format("cannot make the directory {} in the guest", path));
    }
    if (parent_of(path) != "/") {
        make_directory(parent_of(path), 0755);
    }
    create(path, FileType::directory, mode);
}

void MemoryGuestFs::symlink(std::string_view target, std::string_view path) {
    const auto existing = find(path);
    if (existing && existing->stat.type == FileType::directory) {
        throw Error(Failure::guest,
                    fmt::format("cannot make the link {} in the guest: a directory is there", path));
    }
    create(path, FileType::symlink, 0777)->content = target;
}

void MemoryGuestFs::rename(std::string_view from, std::string_view to) {
    need(from);
    const std::string old_place = *place(from);
    const auto new_place = place(to);
    if (!new_place) {
        throw Error(Failure::guest, fmt::format("the directory of {} does not exist in the guest", to));
    }
    std::map<std::string, std::shared_ptr<Node>> moved;
    for (auto node = nodes_.begin(); node != nodes_.end();) {
        if (node->first == old_place || node->first.starts_with(old_place + "/")) {
            moved.emplace(*new_place + node->first.substr(old_place.size()), node->second);
            node = nodes_.erase(node);
        } else {
            ++node;
        }
    }
    for (auto& [path, node] : moved) {
        nodes_[path] = node;
    }
}

void MemoryGuestFs::chmod(std::string_view path, std::uint32_t mode) {
    const auto node = need(path);
    if (node->stat.type == FileType::symlink) {
        throw Error(
            Failure::guest,
            fmt::format("refusing to change the mode of {} in the guest: it is a symbolic link", path));
    }
    node->stat.mode = mode;
}

void MemoryGuestFs::chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
    const auto node = need(path);
    node->stat.uid = uid;
    node->stat.gid = gid;
}

std::map<std::string, std::string> MemoryGuestFs::xattrs(std::string_view path) {
    return need(path)->xattrs;
}

void MemoryGuestFs::set_xattr(std::string_view path, std::string_view name, std::string_view value) {
    need(path)->xattrs[std::string(name)] = value;
}

void MemoryGuestFs::upload(const std::filesystem::path& host, std::string_view path) {
    if (std::filesystem::is_directory(host)) {
        make_directory(path);
        for (const auto& entry : std::filesystem::directory_iterator(host)) {
            upload(entry.path(), join_path(path, entry.path().filename().string()));
        }
        return;
    }
    if (!std::filesystem::exists(host)) {
        throw Error(Failure::host, fmt::format("cannot upload {}: it does not exist", host.string()));
    }
    struct ::stat status {};
    ::stat(host.c_str(), &status);
    write(path, read_file(host), status.st_mode & 07777U);
}

void MemoryGuestFs::download(std::string_view path, const std::filesystem::path& host) {
    write_file_atomically(host, read(path), 0600);
}

CommandResult MemoryGuestFs::run(std::string_view script, std::chrono::seconds /*timeout*/) {
    scripts.emplace_back(script);
    if (!on_run) {
        throw Error(Failure::guest, fmt::format("no command expected, but asked to run: {}", script));
    }
    return on_run(script);
}

}  // namespace imgforge::guest
