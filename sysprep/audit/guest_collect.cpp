// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/guest_collect.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/image/archive_library.hpp"

namespace imgforge::sysprep::audit {

namespace {

using guest::FileType;
constexpr std::size_t kept_limit = 512U << 10U;
constexpr std::size_t package_list_limit = 64U << 20U;
constexpr std::size_t file_limit = 1024U << 20U;

/// Outside the directories of settings the content of files by these names decides as well: a certificate
/// beside a key, a template of comments (site_rules.cpp).
bool may_be_secret(std::string_view path) {
    static constexpr std::array<std::string_view, 20> marks{
        "pem", "key",  "secret", "passw", "cred", "token", ".env",  "auth", ".p12",  "kube",
        "psk", "conf", ".json",  ".y",    ".ini", ".cfg",  ".toml", ".xml", ".prop", ".hcl"};
    const std::string_view name = path.substr(path.rfind('/') + 1);
    const bool place = path.starts_with("/opt/") || path.starts_with("/srv/") || path.starts_with("/var/") ||
                       path.starts_with("/root/") || path.starts_with("/home/") ||
                       path.starts_with("/app/") || path.starts_with("/data/");
    const bool hidden = path.find("/.") != std::string_view::npos;  // what users' programs keep in homes
    return place && (hidden || std::any_of(marks.begin(), marks.end(), [&](std::string_view mark) {
                         return name.find(mark) != std::string_view::npos;
                     }));
}

bool is_kept(std::string_view path) {
    const bool boot = path.starts_with("/boot/") &&
                      (path.ends_with(".cfg") || path.ends_with(".conf") || path.ends_with("grubenv"));
    return path.starts_with("/etc/") || boot || path.starts_with("/usr/lib/systemd/") ||
           path.starts_with("/usr/lib/imgforge/") || path.starts_with("/usr/local/") ||
           path.starts_with("/lib/systemd/") ||
           (path.starts_with("/var/lib/dpkg/") && path.ends_with(".md5sums")) ||
           path.starts_with("/var/lib/dbus/") || path.starts_with("/var/spool/cron/") ||
           path == "/var/cache/debconf/config.dat" || path == "/var/lib/snapd/state.json" ||
           may_be_secret(path);
}

FileType type_of(archive_entry* entry) {
    switch (archive_entry_filetype(entry)) {
        case AE_IFDIR: return FileType::directory;
        case AE_IFLNK: return FileType::symlink;
        case AE_IFCHR: return FileType::character;
        case AE_IFBLK: return FileType::block;
        case AE_IFIFO: return FileType::fifo;
        case AE_IFSOCK: return FileType::socket;
        default: return FileType::regular;
    }
}

/// "./etc/passwd" and "etc/passwd/" as "/etc/passwd".
std::string guest_path(const char* name) {
    std::string path = name == nullptr ? "" : name;
    while (path.starts_with("./")) {
        path.erase(0, 2);
    }
    while (path.ends_with('/')) {
        path.pop_back();
    }
    return path.empty() || path == "." ? "/" : path.starts_with('/') ? path : "/" + path;
}

std::map<std::string, std::string> xattrs_of(archive_entry* entry) {
    std::map<std::string, std::string> out;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        out.emplace(name, std::string(static_cast<const char*>(value), size));
    }
    return out;
}

/// All that a tar header says of a file.
TreeEntry entry_of(archive_entry* entry) {
    TreeEntry file{.stat = {.type = type_of(entry),
                            .mode = static_cast<std::uint32_t>(archive_entry_perm(entry)),
                            .uid = static_cast<std::uint32_t>(archive_entry_uid(entry)),
                            .gid = static_cast<std::uint32_t>(archive_entry_gid(entry)),
                            .size = static_cast<std::uint64_t>(archive_entry_size(entry)),
                            .mtime = archive_entry_mtime(entry)},
                   .xattrs = xattrs_of(entry)};
    if (const char* const target = archive_entry_symlink(entry)) {
        file.target = target;
    }
    return file;
}

/// What can hold a secret apart from the content.
void scan_names(ContentScan& scan, const std::string& path, const TreeEntry& file) {
    scan.name(path, "its name", path);
    for (const auto& [name, value] : file.xattrs) {
        scan.name(path, "attribute " + name, value);
    }
    if (!file.target.empty()) {
        scan.name(path, "its link target", file.target);
    }
}

/// tar gives the content of a file with its first name only.
void add_hard_link(GuestTree& tree, const std::string& path, const std::string& first,
                   const TreeEntry& header) {
    const TreeEntry* const known = tree.find(first);
    TreeEntry copy = known != nullptr ? *known : header;
    copy.stat.links = 2;
    tree.add(first, copy);
    tree.add(path, std::move(copy));
}

std::string read_data(archive* reader, std::uint64_t size, const std::string& path) {
    std::string out;
    out.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(size, file_limit)));
    std::array<char, 65536> block{};
    for (;;) {
        const la_ssize_t got = archive_read_data(reader, block.data(), block.size());
        if (got < 0) {
            throw Error(Failure::guest, fmt::format("the stream of the guest's files broke off in '{}': {}",
                                                    path, archive_error_string(reader)));
        }
        if (got == 0) {
            return out;
        }
        if (out.size() < file_limit) {
            out.append(block.data(), static_cast<std::size_t>(got));
        }
    }
}

/// Reads and drops what is left, so that the writer at the other end does not block for ever.
void drain(int fd) {
    std::array<char, 65536> block{};
    while (::read(fd, block.data(), block.size()) > 0) {
    }
}

void exclude_children(guest::GuestFs& fs, const std::string& folder, const std::set<std::string>& wanted,
                      std::vector<std::string>& out) {
    for (const guest::DirEntry& entry : fs.list(folder)) {
        if (!wanted.contains(entry.name)) {
            std::string escaped;
            for (const char c : entry.name) {
                escaped += std::string_view("*?[]\\").find(c) != std::string_view::npos
                               ? std::string("\\") + c
                               : std::string(1, c);
            }
            out.push_back("." + folder + "/" + escaped);
        }
    }
}

void exclude_swap_files(guest::GuestFs& fs, std::vector<std::string>& out) {
    if (!fs.is_file("/etc/fstab")) {
        return;
    }
    const std::string fstab = fs.read("/etc/fstab");
    for (const std::string_view line : lines_of(fstab)) {
        const auto words = words_of(line);
        if (words.size() >= 3 && words[2] == "swap" && words[0].starts_with('/') &&
            !words[0].starts_with("/dev/")) {
            out.push_back("." + std::string(words[0]));
        }
    }
}

}  // namespace

Depth needed_depth(const guest::Inspection& os) {
    const bool packs =
        std::any_of(os.file_systems.begin(), os.file_systems.end(), [](const guest::FileSystem& fs) {
            return !fs.mount_point.empty() && (fs.type == "btrfs" || fs.type == "f2fs" || fs.type == "zfs" ||
                                               fs.type == "squashfs" || fs.type == "erofs");
        });
    return packs || os.encrypted ? Depth::everything : Depth::settings;
}

std::vector<std::string> excluded_members(guest::GuestFs& fs, Depth depth) {
    std::vector<std::string> out{"./proc/*", "./sys/*", "./dev/*"};
    exclude_swap_files(fs, out);
    if (depth == Depth::everything) {
        return out;
    }
    exclude_children(fs, "/usr", {"local", "lib", "etc", "src", "share"}, out);
    exclude_children(fs, "/usr/share", {}, out);
    exclude_children(fs, "/usr/src", {}, out);
    exclude_children(fs, "/usr/lib",
                     {"systemd", "os-release", "imgforge", "dracut", "sysctl.d", "tmpfiles.d"}, out);
    exclude_children(fs, "/usr/lib/systemd", {"system", "network"}, out);
    for (const std::string folder : {"/bin", "/sbin", "/lib64"}) {
        if (fs.is_directory(folder)) {
            out.push_back("." + folder + "/*");
        }
    }
    if (fs.is_directory("/lib")) {
        exclude_children(fs, "/lib", {"systemd", "apk", "rc"}, out);
    }
    return out;
}

GuestTree read_tar(int fd, ContentScan& scan) {
    GuestTree tree;
    const Handle<archive, &archive_read_free> reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    if (archive_read_open_fd(reader.get(), fd, 1U << 18U) != ARCHIVE_OK) {
        throw Error(Failure::guest,
                    fmt::format("the guest's files cannot be read: {}", archive_error_string(reader.get())));
    }
    archive_entry* entry = nullptr;
    int status = ARCHIVE_OK;
    while ((status = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK ||
           status == ARCHIVE_WARN) {
        const std::string path = guest_path(archive_entry_pathname(entry));
        TreeEntry file = entry_of(entry);
        scan_names(scan, path, file);
        if (const char* const other = archive_entry_hardlink(entry)) {
            add_hard_link(tree, path, guest_path(other), file);
            continue;
        }
        if (file.stat.type == FileType::regular) {
            std::string content = read_data(reader.get(), file.stat.size, path);
            scan.file(path, content);
            const bool list = path == "/var/lib/dpkg/status" || path == "/lib/apk/db/installed";
            if (content.size() <= (list ? package_list_limit : kept_limit) && (list || is_kept(path))) {
                file.content = std::move(content);
            }
        }
        tree.add(path, std::move(file));
    }
    if (status != ARCHIVE_EOF) {
        throw Error(Failure::guest, fmt::format("the stream of the guest's files broke off: {}",
                                                archive_error_string(reader.get())));
    }
    return tree;
}

GuestTree collect_tree(OfflineSession& session, Depth depth, ContentScan& scan) {
    // Before there is a reader: it waits for the end of the stream, also when asking the guest fails.
    std::vector<std::string> excluded = excluded_members(session.fs, depth);
    std::vector<char*> list;
    for (std::string& pattern : excluded) {
        list.push_back(pattern.data());
    }
    list.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw system_error("make a pipe", "for the guest's files", errno);
    }
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    static_cast<void>(::fcntl(writing.get(), F_SETPIPE_SZ, 1 << 20));
    GuestTree tree;
    std::exception_ptr fault;
    std::jthread reader([&] {
        try {
            tree = read_tar(reading.get(), scan);
        } catch (...) {
            fault = std::current_exception();
        }
        drain(reading.get());
    });
    const std::string name = fmt::format("/dev/fd/{}", writing.get());
    try {
        // Not chrooted, but "/" has no link on its way (SYSPREP.md 3.3).
        session.appliance->call(
            "read the guest's files",
            [&](guestfs_h* g) {
                return guestfs_tar_out_opts(g, "/", name.c_str(), GUESTFS_TAR_OUT_OPTS_NUMERICOWNER, 1,
                                            GUESTFS_TAR_OUT_OPTS_XATTRS, 1, GUESTFS_TAR_OUT_OPTS_SELINUX, 1,
                                            GUESTFS_TAR_OUT_OPTS_EXCLUDES, list.data(), -1);
            },
            std::chrono::hours(1));
    } catch (...) {
        writing.reset();  // the reader must see the end before it can be joined
        throw;
    }
    writing.reset();
    reader.join();
    if (fault) {
        std::rethrow_exception(fault);
    }
    return tree;
}

}  // namespace imgforge::sysprep::audit
