// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/guest/guest_fs.hpp"

namespace imgforge::sysprep {

/// One change of one path, as reports show it.
struct Change {
    std::string path;
    std::string action;       ///< "remove", "empty", "edit", "write", "link", "wipe"
    std::uint64_t bytes = 0;  ///< that were in the file before
};

enum class MachineIdState { empty, uninitialized, remove, keep };

/// What the user decides about cleaning.
struct SysprepOptions {
    MachineIdState machine_id = MachineIdState::empty;
    std::vector<std::string> keep{};            ///< glob patterns of paths that are never touched
    std::vector<std::string> remove{};          ///< further patterns to remove; "~/" is every home
    std::vector<std::string> keep_passwords{};  ///< users whose password hash stays
    std::vector<std::string> remove_users{};    ///< build users to be removed with their homes
    bool new_uuids = false;    ///< of file systems, swap, LVM, partitions and disks, with all that names them
    std::string only_below{};  ///< a mount point: what lies in the directory below it is all that is touched
};

/// A line of /etc/passwd.
struct Account {
    std::string name;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string home;
    std::string shell;
};

/// The only way operations change a guest: records every change, honours the keep list, refuses nothing
/// silently. A path whose directories lead by a link into system directories that it does not name (/tmp ->
/// /etc,
/// ~/.ssh -> /etc/ssh) throws Failure::guest.
class Cleaner {
public:
    Cleaner(guest::GuestFs& fs, const guest::Inspection& os, const SysprepOptions& options)
        : fs_(fs), os_(os), options_(options) {}

    guest::GuestFs& fs() { return fs_; }
    const guest::Inspection& os() const { return os_; }
    const SysprepOptions& options() const { return options_; }

    bool exists(std::string_view path) { return fs_.exists(path); }
    /// Content of a regular file behind links; "" when missing, no file, or larger than 4 MiB.
    std::string read(std::string_view path);
    bool is_kept(std::string_view path) const;

    /// File, link or tree; each file in a tree is reported. Kept paths and the directories above them stay.
    void remove(std::string_view path);
    void remove_all(const std::vector<std::string>& patterns);
    /// Everything in the directory, dot files included; the directory stays.
    void clear(std::string_view folder);
    /// Truncates a regular file in place; a link is removed instead (what it points to is not ours).
    void empty(std::string_view path);
    void empty_all(const std::vector<std::string>& patterns);
    /// Creates or replaces the content; no change when it is the same. A new file takes the SELinux label of
    /// its directory.
    void write(std::string_view path, std::string_view content, std::uint32_t mode = 0644);
    void link(std::string_view target, std::string_view path);
    /// Rewrites a regular file when `change` returns something else than it got.
    void edit(std::string_view path, const std::function<std::string(const std::string&)>& change);
    /// Line by line; nothing removes the line. Lines come without their newline.
    void edit_lines(std::string_view path,
                    const std::function<std::optional<std::string>(const std::string&)>& change);
    /// Enables a unit of ours: the file and its link in multi-user.target.wants.
    void systemd_unit(const std::string& name, const std::string& content);
    /// Something found that is not ours to remove, for the report.
    void note(std::string text);

    /// All accounts of /etc/passwd, and their homes, each once, "/" left out; also what looks like a home and
    /// has no account any more.
    std::vector<Account> accounts();
    std::vector<std::string> homes();
    /// `names` below every home, as patterns.
    std::vector<std::string> in_homes(const std::vector<std::string>& names);

    std::vector<Change> changes;
    std::vector<std::string> notes;

private:
    bool remove_node(const std::string& path, const guest::FileStat& stat);
    bool is_on_keep_list(std::string_view path) const;
    void check_way(std::string_view folder);
    void record(std::string path, std::string action, std::uint64_t bytes);
    void label_like_folder(const std::string& path);

    guest::GuestFs& fs_;
    const guest::Inspection& os_;
    const SysprepOptions& options_;
    std::set<std::string> checked_{};  ///< directories that lead nowhere else
};

}  // namespace imgforge::sysprep
