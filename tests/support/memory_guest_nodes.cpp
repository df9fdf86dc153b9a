// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/memory_guest_fs.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "tests/support/path_parts.hpp"

// The tree MemoryGuestFs keeps: nodes, links and how a path leads to one.
namespace imgforge::guest {

MemoryGuestFs::MemoryGuestFs() {
    auto root = std::make_shared<Node>();
    root->stat.type = FileType::directory;
    root->stat.mode = 0755;
    root->stat.inode = 1;
    nodes_.emplace("/", std::move(root));
}

MemoryGuestFs::MemoryGuestFs(const std::map<std::string, std::string>& files) : MemoryGuestFs() {
    for (const auto& [path, content] : files) {
        add(path, content);
    }
}

void MemoryGuestFs::add(std::string_view path, std::string_view content, std::uint32_t mode,
                        std::uint32_t uid, std::uint32_t gid) {
    make_directory(parent_of(path));
    write(path, content, mode, uid, gid);
}

void MemoryGuestFs::add_node(std::string_view path, FileType type) {
    make_directory(parent_of(path));
    create(path, type, 0644);
}

void MemoryGuestFs::add_hard_link(std::string_view existing, std::string_view path) {
    const auto node = need(existing);
    ++node->stat.links;
    nodes_[*place(path)] = node;
}

std::map<std::string, std::string> MemoryGuestFs::snapshot() const {
    std::map<std::string, std::string> lines;
    for (const auto& [path, node] : nodes_) {
        std::string line = fmt::format("{} {:o} {}:{} {}", static_cast<int>(node->stat.type), node->stat.mode,
                                       node->stat.uid, node->stat.gid, node->content);
        for (const auto& [name, value] : node->xattrs) {
            line += fmt::format(" {}={}", name, value);
        }
        lines.emplace(path, std::move(line));
    }
    return lines;
}

std::optional<std::string> MemoryGuestFs::follow(std::string_view path, int depth) const {
    constexpr int most_links = 40;
    std::string at = "/";
    std::vector<std::string> parts = components(path);
    for (std::size_t index = 0; index < parts.size(); ++index) {
        const std::string& part = parts[index];
        if (part == ".") {
            continue;
        }
        if (part == "..") {
            at = parent_of(at);
            continue;
        }
        const auto here = nodes_.find(at);
        const std::string next = join_path(at, part);
        const auto found = nodes_.find(next);
        if (here == nodes_.end() || here->second->stat.type != FileType::directory || found == nodes_.end()) {
            return std::nullopt;
        }
        if (found->second->stat.type == FileType::symlink) {
            if (depth > most_links) {
                return std::nullopt;
            }
            const std::string& target = found->second->content;
            std::string rest = target.starts_with("/") ? target : join_path(at, target);
            for (std::size_t later = index + 1; later < parts.size(); ++later) {
                rest += "/" + parts[later];
            }
            return follow(rest, depth + 1);
        }
        at = next;
    }
    return at;
}

std::optional<std::string> MemoryGuestFs::place(std::string_view path) const {
    if (components(path).empty()) {
        return "/";
    }
    const auto parent = follow(parent_of(path), 0);
    if (!parent || nodes_.at(*parent)->stat.type != FileType::directory) {
        return std::nullopt;
    }
    return join_path(*parent, base_name(path));
}

std::shared_ptr<MemoryGuestFs::Node> MemoryGuestFs::find(std::string_view path) const {
    const auto where = place(path);
    const auto found = where ? nodes_.find(*where) : nodes_.end();
    return found == nodes_.end() ? nullptr : found->second;
}

std::shared_ptr<MemoryGuestFs::Node> MemoryGuestFs::need(std::string_view path) const {
    auto node = find(path);
    if (!node) {
        throw Error(Failure::guest, fmt::format("{} does not exist in the guest", path));
    }
    return node;
}

std::shared_ptr<MemoryGuestFs::Node> MemoryGuestFs::need_regular(std::string_view path,
                                                                 std::string_view action) const {
    auto node = need(path);
    if (node->stat.type != FileType::regular) {
        throw Error(Failure::guest, fmt::format("refusing to {} {} in the guest", action, path));
    }
    return node;
}

std::shared_ptr<MemoryGuestFs::Node> MemoryGuestFs::create(std::string_view path, FileType type,
                                                           std::uint32_t mode) {
    const auto where = place(path);
    if (!where) {
        throw Error(Failure::guest, fmt::format("the directory of {} does not exist in the guest", path));
    }
    auto node = std::make_shared<Node>();
    node->stat.type = type;
    node->stat.mode = mode;
    node->stat.inode = next_inode_++;
    nodes_[*where] = node;
    return node;
}

std::shared_ptr<MemoryGuestFs::Node> MemoryGuestFs::own_inode(std::string_view path) {
    auto node = find(path);
    if (node->stat.links > 1) {
        --node->stat.links;
        node = std::make_shared<Node>(*node);
        node->stat.links = 1;
        node->stat.inode = next_inode_++;
        nodes_[*place(path)] = node;
    }
    return node;
}

}  // namespace imgforge::guest
