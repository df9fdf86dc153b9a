// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/cleaner.hpp"

#include <fnmatch.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"

namespace imgforge::sysprep {

using guest::DirEntry;
using guest::FileStat;
using guest::FileType;

namespace {

constexpr std::uint64_t edit_limit = 4U << 20U;

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

std::uint32_t number(const std::string& text) {
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string_view first_folder(std::string_view path) {
    return path.substr(0, path.find('/', 1));
}

/// Directories that hold the system itself. Merged ones count as one: /lib is /usr/lib, /efi may be
/// /boot/efi.
std::string_view system_folder(std::string_view path) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 14> known{{{"/", "/"},
                                                                                   {"/etc", "/etc"},
                                                                                   {"/usr", "/usr"},
                                                                                   {"/bin", "/usr"},
                                                                                   {"/sbin", "/usr"},
                                                                                   {"/lib", "/usr"},
                                                                                   {"/lib32", "/usr"},
                                                                                   {"/lib64", "/usr"},
                                                                                   {"/libx32", "/usr"},
                                                                                   {"/boot", "/boot"},
                                                                                   {"/efi", "/boot"},
                                                                                   {"/dev", "/dev"},
                                                                                   {"/proc", "/proc"},
                                                                                   {"/sys", "/sys"}}};
    for (const auto& [folder, meaning] : known) {
        if (first_folder(path) == folder) {
            return meaning;
        }
    }
    return path.starts_with("/var/lib/dpkg") || path.starts_with("/var/lib/rpm") ? "package database" : "";
}

}  // namespace

std::string Cleaner::read(std::string_view path) {
    const auto target = fs_.resolve(path);
    const auto stat = target ? fs_.lstat(*target) : std::nullopt;
    return stat && stat->type == FileType::regular && stat->size <= edit_limit ? fs_.read(*target, edit_limit)
                                                                               : std::string();
}

bool Cleaner::is_kept(std::string_view path) const {
    return (!options_.only_below.empty() && !path.starts_with(options_.only_below + "/")) ||
           is_on_keep_list(path);
}

bool Cleaner::is_on_keep_list(std::string_view path) const {
    const std::string name(path);
    return std::any_of(options_.keep.begin(), options_.keep.end(), [&](const std::string& pattern) {
        // A kept directory keeps what is in it.
        return ::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0 ||
               ::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME | FNM_LEADING_DIR) == 0;
    });
}

/// Links within a guest are its own affair, but one that leads from where users write into the system would
/// make an operation remove what it does not mean.
void Cleaner::check_way(std::string_view folder) {
    const std::string name(folder);
    if (checked_.contains(name)) {
        return;
    }
    const auto target = fs_.resolve(name);
    const std::string_view system = target ? system_folder(*target) : std::string_view();
    if (target && *target != name && !system.empty() && system != system_folder(name)) {
        throw Error(
            Failure::guest,
            fmt::format("{} of the guest leads to {}: what is there will not be cleaned under that name",
                        name, *target),
            fmt::format("leave it alone with --keep '{}', or remove the link from the guest", name));
    }
    checked_.insert(name);
}

void Cleaner::record(std::string path, std::string action, std::uint64_t bytes) {
    changes.push_back({std::move(path), std::move(action), bytes});
}

/// Removes what may go; false when something below is kept. Files are recorded before their directory.
bool Cleaner::remove_node(const std::string& path, const FileStat& stat) {
    interrupt::check();
    if (is_kept(path)) {
        return false;
    }
    if (stat.type != FileType::directory) {
        record(path, "remove", stat.type == FileType::regular ? stat.size : 0);
        if (!options_.keep.empty()) {
            fs_.remove(path);
        }
        return true;
    }
    bool all = true;
    for (const DirEntry& entry : fs_.list(path)) {
        all = remove_node(guest::join_path(path, entry.name), entry.stat) && all;
    }
    if (all) {
        record(path, "remove", 0);
        if (!options_.keep.empty()) {
            fs_.remove(path);
        }
    }
    return all;
}

void Cleaner::remove(std::string_view path) {
    const auto stat = fs_.lstat(path);
    if (!stat || is_kept(path)) {
        return;
    }
    const std::string name(path);
    check_way(guest::parent_of(name));
    // Without a keep list the whole tree goes in one call; with one, node by node.
    if (remove_node(name, *stat) && options_.keep.empty()) {
        fs_.remove(name);
    }
}

void Cleaner::remove_all(const std::vector<std::string>& patterns) {
    for (const std::string& path : fs_.glob_all(patterns)) {
        remove(path);
    }
}

void Cleaner::clear(std::string_view folder) {
    const auto target = fs_.resolve(folder);
    if (!target) {
        return;
    }
    if (is_on_keep_list(folder)) {
        return;
    }
    check_way(folder);
    for (const DirEntry& entry : fs_.list(*target)) {
        remove(guest::join_path(*target, entry.name));
    }
}

void Cleaner::empty(std::string_view path) {
    const auto stat = fs_.lstat(path);
    if (!stat || is_kept(path)) {
        return;
    }
    check_way(guest::parent_of(path));
    if (stat->type == FileType::symlink) {
        remove(path);
    } else if (stat->type == FileType::regular && stat->size > 0) {
        record(std::string(path), "empty", stat->size);
        fs_.truncate(path);
    }
}

void Cleaner::empty_all(const std::vector<std::string>& patterns) {
    for (const std::string& path : fs_.glob_all(patterns)) {
        empty(path);
    }
}

void Cleaner::label_like_folder(const std::string& path) {
    constexpr std::string_view selinux = "security.selinux";
    const auto folder = fs_.resolve(guest::parent_of(path));
    const auto attributes = folder ? fs_.xattrs(*folder) : std::map<std::string, std::string>();
    const auto label = attributes.find(std::string(selinux));
    if (label != attributes.end()) {
        fs_.set_xattr(path, selinux, label->second);
    }
}

void Cleaner::write(std::string_view path, std::string_view content, std::uint32_t mode) {
    if (is_kept(path)) {
        return;
    }
    const std::string name(path);
    check_way(guest::parent_of(name));
    const auto stat = fs_.lstat(path);
    if (stat && stat->type != FileType::regular) {
        fs_.remove(path);
    }
    const bool fresh = !stat || stat->type != FileType::regular;
    if (!fresh && stat->size == content.size() && read(path) == content) {
        return;
    }
    record(name, "write", fresh ? 0 : stat->size);
    fs_.make_directory(guest::parent_of(path));
    fs_.write(path, content, mode);
    if (fresh) {
        label_like_folder(name);
    }
}

void Cleaner::link(std::string_view target, std::string_view path) {
    const auto stat = fs_.lstat(path);
    if (is_kept(path) || (stat && stat->type == FileType::symlink && fs_.readlink(path) == target)) {
        return;
    }
    check_way(guest::parent_of(path));
    record(std::string(path), "link", stat ? stat->size : 0);
    fs_.make_directory(guest::parent_of(path));
    fs_.symlink(target, path);
}

void Cleaner::edit(std::string_view path, const std::function<std::string(const std::string&)>& change) {
    const auto stat = fs_.lstat(path);
    if (!stat || stat->type != FileType::regular || stat->size > edit_limit || is_kept(path)) {
        return;
    }
    check_way(guest::parent_of(path));
    const std::string before = fs_.read(path, edit_limit);
    const std::string after = change(before);
    if (after != before) {
        record(std::string(path), "edit", stat->size);
        fs_.write(path, after);
    }
}

void Cleaner::edit_lines(std::string_view path,
                         const std::function<std::optional<std::string>(const std::string&)>& change) {
    edit(path, [&](const std::string& before) {
        std::string after;
        std::size_t start = 0;
        while (start < before.size()) {
            const std::size_t end = before.find('\n', start);
            const auto line = change(before.substr(start, end - start));
            if (line) {
                after += *line;
                after += end == std::string::npos ? "" : "\n";
            }
            if (end == std::string::npos) {
                break;
            }
            start = end + 1;
        }
        return after;
    });
}

void Cleaner::systemd_unit(const std::string& name, const std::string& content) {
    write("/etc/systemd/system/" + name, content);
    link("/etc/systemd/system/" + name, "/etc/systemd/system/multi-user.target.wants/" + name);
}

void Cleaner::note(std::string text) {
    notes.push_back(std::move(text));
}

std::vector<Account> Cleaner::accounts() {
    std::vector<Account> all;
    for (const std::string& line : split(read("/etc/passwd"), '\n')) {
        const std::vector<std::string> fields = split(line, ':');
        if (fields.size() >= 6) {
            all.push_back({fields[0], number(fields[2]), number(fields[3]), fields[5],
                           fields.size() > 6 ? fields[6] : ""});
        }
    }
    return all;
}

/// Homes of accounts that own nothing (bin, sys, sync …): programs and devices lie there.
static bool is_system_home(std::string_view home) {
    static constexpr std::array<std::string_view, 8> folders{"/usr/",  "/bin/", "/sbin/", "/dev/",
                                                             "/proc/", "/sys/", "/run/",  "/lib/"};
    const bool local = home.starts_with("/usr/local/") || home.starts_with("/usr/home/");
    const std::string folder_name = std::string(home) + "/";
    return !local && std::any_of(folders.begin(), folders.end(),
                                 [&](std::string_view folder) { return folder_name.starts_with(folder); });
}

std::vector<std::string> Cleaner::homes() {
    std::vector<std::string> all{"/root"};
    for (const Account& account : accounts()) {
        const bool usable = account.home.starts_with("/") && account.home.size() > 1 &&
                            account.home.find("/..") == std::string::npos && !is_system_home(account.home);
        if (usable && fs_.is_directory(account.home)) {
            all.push_back(account.home);
        }
    }
    // A home may stay after its user went, also one outside /home: it is known by what it holds.
    for (const std::string& home : fs_.glob("/home/*")) {
        all.push_back(home);
    }
    for (const std::string& trace : fs_.glob_all(
             {"/{srv,opt,data,var/lib,var/opt,export/home,usr/home,usr/local,var/home,app,u}/*/"
              "{.ssh,.bash_history,.gnupg,.aws,.docker,.netrc,.config,.local,.cache,.bashrc,.profile}",
              "/{srv,opt,data,home}/*/*/{.ssh,.bash_history,.gnupg,.aws,.docker,.netrc}"})) {
        all.push_back(guest::parent_of(trace));
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

std::vector<std::string> Cleaner::in_homes(const std::vector<std::string>& names) {
    std::vector<std::string> patterns;
    for (const std::string& home : homes()) {
        for (const std::string& name : names) {
            patterns.push_back(guest::join_path(guest::glob_quote(home), name));
        }
    }
    return patterns;
}

}  // namespace imgforge::sysprep
