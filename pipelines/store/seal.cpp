// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/seal.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/sharing.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

/// Sets or clears chattr's +i. Not being allowed to (no root, no such flag on tmpfs or NFS) is not an error:
/// the modes remain.
void set_immutable(const fs::path& path, bool wanted) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    unsigned flags = 0;
    if (!fd || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) {
        return;
    }
    const unsigned next = wanted ? flags | FS_IMMUTABLE_FL : flags & ~static_cast<unsigned>(FS_IMMUTABLE_FL);
    if (next != flags) {
        static_cast<void>(::ioctl(fd.get(), FS_IOC_SETFLAGS, &next));
    }
}

void set_mode(const fs::path& path, mode_t mode) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        throw system_error("read", path.string(), errno);
    }
    if ((info.st_mode & 07777U) != mode && ::chmod(path.c_str(), mode) != 0) {
        throw system_error("make read-only", path.string(), errno);
    }
}

/// What a guest's disk holds is nobody's business on this host, unless a group shares the store. The QEMU of
/// qemu:///system, which is a user of its own, reads it through the group of those who run machines.
mode_t disk_mode(const fs::path& disk, const fs::path& folder) {
    if (is_group_folder(folder.parent_path())) {
        return 0444;
    }
    if (const auto group = qemu_group()) {
        // Not being a member is not a failure: then QEMU runs as this user, or preflight says what to do.
        static_cast<void>(::lchown(disk.c_str(), static_cast<uid_t>(-1), *group));
    }
    return 0440;
}

bool immutable_wanted() {
    const char* const value = std::getenv("IMGFORGE_IMMUTABLE");
    return value == nullptr || std::string_view(value) != "off";
}

}  // namespace

void make_read_only(const fs::path& folder) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        const bool disk = entry.path().extension() == ".qcow2";
        set_mode(entry.path(), disk ? disk_mode(entry.path(), folder) : 0444);
    }
    set_mode(folder, 0555);
}

void seal(const fs::path& folder) {
    make_read_only(folder);
    if (!immutable_wanted()) {
        return;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        set_immutable(entry.path(), true);
    }
    set_immutable(folder, true);
}

void unseal(const fs::path& folder) {
    std::error_code code;
    set_immutable(folder, false);
    for (auto entry = fs::directory_iterator(folder, code); !code && entry != fs::directory_iterator();
         entry.increment(code)) {
        set_immutable(entry->path(), false);
    }
}

bool is_read_only(const fs::path& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 && (info.st_mode & 0222U) == 0;
}

}  // namespace imgforge::store
