// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/guest/guest_fs.hpp"

namespace imgforge::guest {

/// A guest's tree in memory: what the operations see in unit tests. The contract suite runs on it and on the
/// appliance, so that it cannot promise what the appliance does not do.
class MemoryGuestFs final : public GuestFs {
public:
    MemoryGuestFs();
    /// Regular files (mode 0644, root) with their parent directories.
    explicit MemoryGuestFs(const std::map<std::string, std::string>& files);

    /// What run() does; the default fails the test.
    std::function<CommandResult(std::string_view script)> on_run;
    std::vector<std::string> scripts;

    /// For tests: adds any kind of node, making parents.
    void add(std::string_view path, std::string_view content = {}, std::uint32_t mode = 0644,
             std::uint32_t uid = 0, std::uint32_t gid = 0);
    void add_node(std::string_view path, FileType type);
    void add_hard_link(std::string_view existing, std::string_view path);
    /// One line per node: path, type, mode, owner, content digest, link target, attributes.
    std::map<std::string, std::string> snapshot() const;

    // Contents.
    std::string read(std::string_view path, std::uint64_t limit = 16U << 20U) override;
    void write(std::string_view path, std::string_view content, std::uint32_t mode = 0644,
               std::uint32_t uid = 0, std::uint32_t gid = 0) override;
    void truncate(std::string_view path) override;
    void overwrite(std::string_view path) override;
    void upload(const std::filesystem::path& host, std::string_view path) override;
    void download(std::string_view path, const std::filesystem::path& host) override;
    // Names and the tree.
    std::optional<FileStat> lstat(std::string_view path) override;
    std::vector<DirEntry> list(std::string_view directory) override;
    std::optional<std::string> resolve(std::string_view path) override;
    std::vector<std::string> glob(std::string_view pattern) override;
    std::string readlink(std::string_view path) override;
    void symlink(std::string_view target, std::string_view path) override;
    void make_directory(std::string_view path, std::uint32_t mode = 0755) override;
    void rename(std::string_view from, std::string_view to) override;
    void remove(std::string_view path) override;
    // Attributes.
    void chmod(std::string_view path, std::uint32_t mode) override;
    void chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) override;
    std::map<std::string, std::string> xattrs(std::string_view path) override;
    void set_xattr(std::string_view path, std::string_view name, std::string_view value) override;

    CommandResult run(std::string_view script, std::chrono::seconds timeout) override;

private:
    struct Node {
        FileStat stat;
        std::string content;  ///< of a file, or the target of a link
        std::map<std::string, std::string> xattrs;
    };
    /// Canonical directory of the path plus its last component; nothing when a parent is missing.
    std::optional<std::string> place(std::string_view path) const;
    std::optional<std::string> follow(std::string_view path, int depth) const;
    std::shared_ptr<Node> find(std::string_view path) const;
    std::shared_ptr<Node> need(std::string_view path) const;
    std::shared_ptr<Node> need_regular(std::string_view path, std::string_view action) const;
    std::shared_ptr<Node> create(std::string_view path, FileType type, std::uint32_t mode);
    std::shared_ptr<Node> own_inode(std::string_view path);

    std::map<std::string, std::shared_ptr<Node>> nodes_;
    std::uint64_t next_inode_ = 2;
};

}  // namespace imgforge::guest
