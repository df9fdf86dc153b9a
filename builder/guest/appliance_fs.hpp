// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <string>

#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"

namespace imgforge::guest {

/// GuestFs on the mounted file systems of an appliance. Calls that libguestfs does not chroot (rm -rf) get
/// canonical parents, so that no link of the guest leads into the appliance (SYSPREP.md 3.3).
class ApplianceFs final : public GuestFs {
public:
    explicit ApplianceFs(Appliance& appliance) : appliance_(appliance) {}

    std::optional<FileStat> lstat(std::string_view path) override;
    std::vector<DirEntry> list(std::string_view directory) override;
    std::string read(std::string_view path, std::uint64_t limit = 16U << 20U) override;
    std::string readlink(std::string_view path) override;
    std::optional<std::string> resolve(std::string_view path) override;
    std::vector<std::string> glob(std::string_view pattern) override;
    std::vector<std::string> glob_all(const std::vector<std::string>& patterns) override;
    void write(std::string_view path, std::string_view content, std::uint32_t mode = 0644,
               std::uint32_t uid = 0, std::uint32_t gid = 0) override;
    void truncate(std::string_view path) override;
    void overwrite(std::string_view path) override;
    void remove(std::string_view path) override;
    void make_directory(std::string_view path, std::uint32_t mode = 0755) override;
    void symlink(std::string_view target, std::string_view path) override;
    void rename(std::string_view from, std::string_view to) override;
    void chmod(std::string_view path, std::uint32_t mode) override;
    void chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) override;
    std::map<std::string, std::string> xattrs(std::string_view path) override;
    void set_xattr(std::string_view path, std::string_view name, std::string_view value) override;
    void upload(const std::filesystem::path& host, std::string_view path) override;
    void download(std::string_view path, const std::filesystem::path& host) override;
    CommandResult run(std::string_view script, std::chrono::seconds timeout) override;

    Appliance& appliance() { return appliance_; }

private:
    FileStat require(std::string_view path);
    FileStat require_regular(std::string_view path, std::string_view action);
    void remove_tree(const std::string& canonical);
    void remove_mount_point_content(const std::string& canonical);
    void put(const std::string& path, std::string_view content);
    void set_owner_and_mode(const std::string& path, std::uint32_t uid, std::uint32_t gid,
                            std::uint32_t mode);
    void give_own_inode(const std::string& path, const FileStat& stat);

    Appliance& appliance_;
};

}  // namespace imgforge::guest
