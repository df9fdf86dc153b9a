// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::guest {

enum class FileType { regular, directory, symlink, character, block, fifo, socket };

/// lstat(2) of a guest file: symbolic links are never followed.
struct FileStat {
    FileType type = FileType::regular;
    std::uint32_t mode = 0;  ///< permission bits including setuid, setgid and sticky
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t size = 0;
    std::uint64_t links = 1;
    std::int64_t mtime = 0;
    std::uint64_t inode = 0;
    std::uint64_t device = 0;
};

struct DirEntry {
    std::string name;
    FileStat stat;
};

struct CommandResult {
    int code = 0;
    std::string output;  ///< stdout and stderr interleaved
};

/// The file system of a guest whose file systems are mounted, seen from its own root. Narrow on purpose:
/// there is an appliance behind it (libguestfs), or a tree in memory for tests; an editor of ext4 without
/// appliance may follow.
///
/// Contract, checked for every implementation by tests/guest/contract:
/// - Paths are absolute within the guest. Symbolic links in *parent* directories are resolved inside the
/// guest root, absolute
///   ones too; the last component is never followed, except by read() and stat_followed().
/// - A missing path is not an error for exists-like calls and for remove(); every other call throws
/// Failure::guest with the path.
/// - Only regular files are written or truncated; anything else (link, fifo, device) is refused with
/// Failure::guest.
/// - write() and truncate() keep mode, owner and extended attributes of an existing file. New files get what
/// is asked.
///   Other hard links of the file keep the old content (they may lie in a user's home).
class GuestFs {
public:
    virtual ~GuestFs() = default;

    virtual std::optional<FileStat> lstat(std::string_view path) = 0;
    /// Sorted by name, without "." and "..". A missing directory gives an empty list.
    virtual std::vector<DirEntry> list(std::string_view directory) = 0;
    /// Follows links within the guest. Throws when larger than `limit` bytes.
    virtual std::string read(std::string_view path, std::uint64_t limit = 16U << 20U) = 0;
    virtual std::string readlink(std::string_view path) = 0;
    /// Canonical path within the guest; nothing when a component is missing or loops.
    virtual std::optional<std::string> resolve(std::string_view path) = 0;
    /// Shell patterns (* ? [] and {}), dot files only when named; canonical order.
    virtual std::vector<std::string> glob(std::string_view pattern) = 0;
    /// All matches of all patterns in one go (one round trip in the appliance), sorted, each once. Patterns
    /// start with "/".
    virtual std::vector<std::string> glob_all(const std::vector<std::string>& patterns);

    virtual void write(std::string_view path, std::string_view content, std::uint32_t mode = 0644,
                       std::uint32_t uid = 0, std::uint32_t gid = 0) = 0;
    virtual void truncate(std::string_view path) = 0;
    /// Zeros over the content of a regular file, in its own blocks and on the disk when this returns. Other
    /// hard links see them, too.
    virtual void overwrite(std::string_view path) = 0;
    /// File, link or whole tree; what it points to stays. Missing is fine. Afterwards the path does not
    /// exist; a mount point stays, emptied.
    virtual void remove(std::string_view path) = 0;
    virtual void make_directory(std::string_view path, std::uint32_t mode = 0755) = 0;
    /// Replaces an existing link or file.
    virtual void symlink(std::string_view target, std::string_view path) = 0;
    virtual void rename(std::string_view from, std::string_view to) = 0;
    virtual void chmod(std::string_view path, std::uint32_t mode) = 0;
    virtual void chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) = 0;
    virtual std::map<std::string, std::string> xattrs(std::string_view path) = 0;
    virtual void set_xattr(std::string_view path, std::string_view name, std::string_view value) = 0;
    /// Host file or directory into the guest (contents streamed).
    virtual void upload(const std::filesystem::path& host, std::string_view path) = 0;
    virtual void download(std::string_view path, const std::filesystem::path& host) = 0;
    /// Runs /bin/sh -c `script` inside the guest (chroot in the appliance, same architecture). Output at most
    /// 2 MiB kept.
    virtual CommandResult run(std::string_view script, std::chrono::seconds timeout) = 0;

    bool exists(std::string_view path) { return lstat(path).has_value(); }
    bool is_file(std::string_view path);
    bool is_directory(std::string_view path);
};

/// A literal path as a glob pattern: every special character escaped.
std::string glob_quote(std::string_view path);
/// Directory part ("/" for top level) and last component of an absolute path; trailing slashes do not count.
std::string parent_of(std::string_view path);
std::string base_name(std::string_view path);
/// parent + "/" + name without doubling the slash.
std::string join_path(std::string_view parent, std::string_view name);

/// One file system of the guest's disks, mounted or not.
struct FileSystem {
    std::string mountable;  ///< /dev/sda1, /dev/vg/lv, btrfsvol:/dev/sda2/root
    std::string type;       ///< ext4, xfs, btrfs, vfat, swap, crypto_LUKS, LVM2_member, unknown …
    std::string uuid;
    std::string label;
    std::string mount_point;  ///< empty: not mounted
    bool dirty = false;       ///< journal had to be replayed: the guest was not shut down
    std::uint64_t size = 0;   ///< bytes; 0 when unknown
};

/// What inspection found, as plain values. Strings come from the guest: untrusted.
struct Inspection {
    std::string type;    ///< "linux", "windows", …
    std::string distro;  ///< libguestfs names: debian, ubuntu, rocky, redhat-based, opensuse, alpinelinux,
                         ///< archlinux …
    std::string family;  ///< ours: debian, redhat, suse, alpine, arch, other
    std::string codename;
    std::string product;  ///< PRETTY_NAME
    int major = 0;
    int minor = 0;
    std::string arch;  ///< x86_64, aarch64 …
    std::string hostname;
    std::string package_format;  ///< deb, rpm, apk, pacman or empty
    std::string root_device;
    std::string init;  ///< systemd, openrc, other
    std::vector<std::pair<std::string, std::string>>
        mountpoints;                       ///< mount point -> device (mountable), shortest first
    std::vector<FileSystem> file_systems;  ///< all of them, swap and unmounted ones included
    std::vector<std::string>
        warnings;  ///< sentences for the user: not shut down cleanly, data file systems left alone …
    bool encrypted = false;  ///< at least one LUKS container was opened
};

}  // namespace imgforge::guest
