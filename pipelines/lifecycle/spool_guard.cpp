// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spool_guard.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;
constexpr std::uintmax_t longest_text = 64U << 10U;

[[noreturn]] void refuse_entry(const fs::path& path, const std::string& why) {
    throw Error(
        Failure::domain, fmt::format("{} is refused: {}", path.string(), why),
        "the spool takes plain files and directories of its owner, of root and of the user it runs as");
}

void require_owner(const fs::path& path, const fs::path& root, uid_t owner) {
    struct stat folder {};
    if (stat(root.c_str(), &folder) != 0) {
        throw system_error("look at", root.string(), errno);
    }
    if (owner != geteuid() && owner != 0 && owner != folder.st_uid) {
        refuse_entry(path, fmt::format("it belongs to user {}", owner));
    }
}

}  // namespace

void require_plain_file(const fs::path& path, const fs::path& root) {
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) {
        throw system_error("look at", path.string(), errno);
    }
    if (S_ISLNK(info.st_mode)) {
        refuse_entry(path, "it is a symbolic link");
    }
    if (!S_ISREG(info.st_mode)) {
        refuse_entry(path, "it is not a regular file");
    }
    if (info.st_nlink != 1) {
        refuse_entry(path, "it is a hard link: the same file has another name elsewhere");
    }
    require_owner(path, root, info.st_uid);
}

void require_plain_folder(const fs::path& path, const fs::path& root) {
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) {
        throw system_error("look at", path.string(), errno);
    }
    if (!S_ISDIR(info.st_mode)) {
        refuse_entry(path, S_ISLNK(info.st_mode) ? "it is a symbolic link" : "it is not a directory");
    }
    require_owner(path, root, info.st_uid);
}

std::string spool_text(const fs::path& root, const std::string& name) {
    const fs::path relative = fs::path(name).lexically_normal();
    if (relative.empty() || relative.is_absolute() || *relative.begin() == "..") {
        refuse_entry(name, "it must lie in the spool directory");
    }
    fs::path path = root;
    for (auto part = relative.begin(); part != relative.end(); ++part) {
        path /= *part;
        std::next(part) == relative.end() ? require_plain_file(path, root) : require_plain_folder(path, root);
    }
    return read_file(path, longest_text);
}

void append_log(const fs::path& file, const std::string& line) {
    const Fd fd = open_fd(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0644);
    struct stat info {};
    if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) {
        refuse_entry(file, "it is a link or no regular file");
    }
    write_all(fd.get(), line, file.string());
}

}  // namespace imgforge::lifecycle
