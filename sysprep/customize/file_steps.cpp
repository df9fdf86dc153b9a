// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/file_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "builder/base/error.hpp"
#include "sysprep/customize/edit_expression.hpp"

namespace imgforge::sysprep {

namespace {

using guest::FileType;

std::optional<std::uint32_t> number(std::string_view text, int base) {
    std::uint32_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return fault == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                     : std::nullopt;
}

guest::FileStat need(Cleaner& cleaner, const std::string& path, const char* what) {
    const auto stat = cleaner.fs().lstat(path);
    if (!stat) {
        throw Error(Failure::guest, fmt::format("cannot {} {}: the guest has no such file", what, path),
                    "correct the path, or make the file in an earlier step");
    }
    return *stat;
}

/// The id of a user or group: a number, or a name of the guest's own list (`file`: name:x:id:…).
std::uint32_t id_of(Cleaner& cleaner, const std::string& name, const char* file) {
    if (const auto id = number(name, 10)) {
        return *id;
    }
    const std::string text = "\n" + cleaner.read(file);
    const std::size_t at = text.find("\n" + name + ":");
    const std::size_t field = at == std::string::npos ? at : text.find(':', at + name.size() + 2);
    if (field != std::string::npos) {
        const std::size_t end = text.find_first_of(":\n", field + 1);
        if (const auto id = number(std::string_view(text).substr(field + 1, end - field - 1), 10)) {
            return *id;
        }
    }
    throw Error(Failure::guest, fmt::format("chown: '{}' is not in the guest's {}", name, file),
                "give a number, or make the account first");
}

void copy(Cleaner& cleaner, const std::string& from, const std::string& to) {
    guest::GuestFs& fs = cleaner.fs();
    const guest::FileStat stat = need(cleaner, from, "copy");
    switch (stat.type) {
        case FileType::directory:
            fs.make_directory(to, stat.mode);
            fs.chmod(to, stat.mode);
            for (const guest::DirEntry& entry : fs.list(from)) {
                copy(cleaner, guest::join_path(from, entry.name), guest::join_path(to, entry.name));
            }
            break;
        case FileType::symlink: cleaner.link(fs.readlink(from), to); return;
        case FileType::regular:
            cleaner.write(to, fs.read(from, 1ULL << 30U), stat.mode);
            fs.chmod(to, stat.mode);
            break;
        default: throw Error(Failure::guest, fmt::format("cannot copy {}: it is a device or a socket", from));
    }
    fs.chown(to, stat.uid, stat.gid);
}

/// As cp and mv have it: a directory as target takes the file under its own name.
std::string target_of(Cleaner& cleaner, const std::string& from, const std::string& to) {
    const bool into = to.ends_with('/') || cleaner.fs().is_directory(to);
    return into ? guest::join_path(to, guest::base_name(from)) : to;
}

void edit(Cleaner& cleaner, const std::string& path, const std::string& text) {
    const EditExpression expression(text);
    if (need(cleaner, path, "edit").type != FileType::regular) {
        throw Error(Failure::guest, fmt::format("cannot edit {}: it is not a regular file", path));
    }
    bool changed = false;
    cleaner.edit_lines(path, [&](const std::string& line) {
        std::string result = expression.apply(line);
        changed = changed || result != line;
        return std::optional(std::move(result));
    });
    if (!changed) {
        throw Error(Failure::guest, fmt::format("the edit '{}' changed nothing in {}", text, path),
                    "look at the file's lines: the pattern matches none of them");
    }
}

void append_line(Cleaner& cleaner, const std::string& path, const std::string& line) {
    const auto stat = cleaner.fs().lstat(path);
    const std::string before = stat ? cleaner.fs().read(path) : std::string();
    cleaner.write(path, before + (before.empty() || before.ends_with('\n') ? "" : "\n") + line + "\n");
}

/// As `find PATH -type f -exec truncate`: links are not followed.
void truncate_below(Cleaner& cleaner, const std::string& path) {
    const guest::FileStat stat = need(cleaner, path, "truncate");
    if (stat.type == FileType::regular) {
        cleaner.empty(path);
    } else if (stat.type == FileType::directory) {
        for (const guest::DirEntry& entry : cleaner.fs().list(path)) {
            truncate_below(cleaner, guest::join_path(path, entry.name));
        }
    }
}

void scrub(Cleaner& cleaner, const std::string& pattern) {
    const std::vector<std::string> paths = cleaner.fs().glob(pattern);
    if (paths.empty()) {
        need(cleaner, pattern, "scrub");
    }
    for (const std::string& path : paths) {
        if (need(cleaner, path, "scrub").type != FileType::regular) {
            throw Error(Failure::guest, fmt::format("cannot scrub {}: it is not a regular file", path),
                        "--delete removes directories and links");
        }
        cleaner.fs().overwrite(path);
        cleaner.remove(path);
    }
}

void change_owner(Cleaner& cleaner, const std::string& path, const std::string& owner) {
    const guest::FileStat stat = need(cleaner, path, "chown");
    const std::size_t colon = owner.find_first_of(":.");
    const std::string group = colon == std::string::npos ? "" : owner.substr(colon + 1);
    const std::string user = owner.substr(0, colon);
    cleaner.fs().chown(path, user.empty() ? stat.uid : id_of(cleaner, user, "/etc/passwd"),
                       group.empty() ? stat.gid : id_of(cleaner, group, "/etc/group"));
}

}  // namespace

bool FileSteps::empty() const {
    return copy.empty() && move.empty() && edit.empty() && append_line.empty() && touch.empty() &&
           truncate.empty() && truncate_recursive.empty() && chmod.empty() && chown.empty() &&
           erase.empty() && scrub.empty();
}

std::vector<std::pair<std::string, std::string>> check_file_steps(const FileSteps& steps) {
    std::vector<std::pair<std::string, std::string>> faults;
    const auto path = [&](const char* pointer, const std::string& text) {
        if (!text.starts_with('/') || text.find("/../") != std::string::npos || text.ends_with("/..")) {
            faults.emplace_back(pointer, fmt::format("'{}' is not an absolute path", text));
        }
    };
    for (const auto& [pointer, list] : {std::pair("/copy", &steps.copy), std::pair("/move", &steps.move)}) {
        for (const auto& [from, to] : *list) {
            path(pointer, from);
            path(pointer, to);
        }
    }
    for (const auto& [pointer, list] :
         {std::pair("/edit", &steps.edit), std::pair("/append-line", &steps.append_line),
          std::pair("/chmod", &steps.chmod), std::pair("/chown", &steps.chown)}) {
        for (const auto& entry : *list) {
            path(pointer, entry.first);
        }
    }
    for (const auto& [pointer, list] :
         {std::pair("/touch", &steps.touch), std::pair("/truncate", &steps.truncate),
          std::pair("/truncate-recursive", &steps.truncate_recursive), std::pair("/delete", &steps.erase),
          std::pair("/scrub", &steps.scrub)}) {
        for (const std::string& text : *list) {
            path(pointer, text);
        }
    }
    for (const auto& entry : steps.edit) {
        try {
            static_cast<void>(EditExpression(entry.second));
        } catch (const Error& error) {
            faults.emplace_back("/edit", error.message());
        }
    }
    for (const auto& entry : steps.chmod) {
        const auto mode = number(entry.second, 8);
        if (!mode || *mode > 07777U) {
            faults.emplace_back("/chmod", fmt::format("'{}' is not an octal mode up to 7777", entry.second));
        }
    }
    return faults;
}

void apply_file_steps(Cleaner& cleaner, const FileSteps& steps,
                      const std::function<void(const std::string&)>& said) {
    guest::GuestFs& fs = cleaner.fs();
    for (const auto& [from, to] : steps.copy) {
        copy(cleaner, from, target_of(cleaner, from, to));
        said(fmt::format("copy {} to {}", from, to));
    }
    for (const auto& [from, to] : steps.move) {
        need(cleaner, from, "move");
        const std::string target = target_of(cleaner, from, to);
        fs.make_directory(guest::parent_of(target));
        fs.rename(from, target);
        cleaner.changes.push_back({target, "write", 0});
        said(fmt::format("move {} to {}", from, target));
    }
    for (const auto& [path, expression] : steps.edit) {
        edit(cleaner, path, expression);
        said(fmt::format("edit {}", path));
    }
    for (const auto& [path, line] : steps.append_line) {
        append_line(cleaner, path, line);
        said(fmt::format("append a line to {}", path));
    }
    for (const std::string& path : steps.touch) {
        if (!fs.exists(path)) {
            fs.make_directory(guest::parent_of(path));
            fs.write(path, "");
            cleaner.changes.push_back({path, "write", 0});
        }
        said(fmt::format("touch {}", path));
    }
    for (const std::string& path : steps.truncate) {
        need(cleaner, path, "truncate");
        cleaner.empty(path);
        said(fmt::format("truncate {}", path));
    }
    for (const std::string& path : steps.truncate_recursive) {
        truncate_below(cleaner, path);
        said(fmt::format("truncate everything below {}", path));
    }
    for (const auto& [path, mode] : steps.chmod) {
        need(cleaner, path, "chmod");
        fs.chmod(path, *number(mode, 8));
        cleaner.changes.push_back({path, "edit", 0});
        said(fmt::format("chmod {} {}", mode, path));
    }
    for (const auto& [path, owner] : steps.chown) {
        change_owner(cleaner, path, owner);
        cleaner.changes.push_back({path, "edit", 0});
        said(fmt::format("chown {} {}", owner, path));
    }
    for (const std::string& pattern : steps.erase) {
        cleaner.remove_all({pattern});
        said(fmt::format("delete {}", pattern));
    }
    for (const std::string& pattern : steps.scrub) {
        scrub(cleaner, pattern);
        said(fmt::format("scrub {}", pattern));
    }
}

}  // namespace imgforge::sysprep
