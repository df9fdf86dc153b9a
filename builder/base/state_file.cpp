// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/state_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/sharing.hpp"

namespace fs = std::filesystem;

namespace imgforge::state_file {

namespace {

// SQLite's shared memory (32 KiB), its log with some pages, and the small files that a change writes.
constexpr std::uint64_t reserve_size = 512U << 10U;
constexpr std::uint64_t nearly_full = 256U << 10U;
constexpr std::uint64_t plenty = 16 * reserve_size;

/// An empty file of that name, unless there is one. A descriptor of the database itself must never be closed
/// in a process that has it open: that drops the locks of SQLite's own descriptors (fcntl(2)), another
/// process then takes itself for the last one and deletes the log that this process still writes to.
void make_empty(const fs::path& file, unsigned mode) {
    const fs::path fresh = fmt::format("{}.new-{}", file.string(), ::gettid());
    {
        const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
        if (!fd) {
            return;  // opening the database says why
        }
    }
    static_cast<void>(::link(fresh.c_str(), file.c_str()));  // not over one that came meanwhile
    ::unlink(fresh.c_str());
}

}  // namespace

void prepare(const fs::path& file) {
    const unsigned mode = shared_file_mode(file.parent_path(), 0600);
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0 && errno == ENOENT) {
        make_empty(file, mode);
    }
    if (::stat(file.c_str(), &status) == 0 && status.st_uid == ::geteuid() &&
        (status.st_mode & 0777U) != mode) {
        static_cast<void>(::chmod(file.c_str(), mode));
    }
}

bool only_readable(const fs::path& file) {
    if (::access(file.c_str(), R_OK) != 0) {
        return false;
    }
    return ::access(file.c_str(), W_OK) != 0 || ::access(file.parent_path().c_str(), W_OK) != 0;
}

std::unique_ptr<Copy> private_copy(const fs::path& file) {
    auto copy = std::make_unique<Copy>(Copy{TempDir("imgforge-state"), {}});
    copy->file = copy->folder / file.filename();
    // The log first: what a checkpoint moves to the database meanwhile is then in both.
    const fs::path log = file.string() + "-wal";
    std::error_code code;
    if (fs::exists(log, code)) {
        copy_file_fast(log, copy->file.string() + "-wal", 0600);
    }
    copy_file_fast(file, copy->file, 0600);
    return copy;
}

void keep_reserve(const fs::path& file) {
    const fs::path reserve = file.string() + ".reserve";
    std::error_code code;
    const fs::space_info space = fs::space(file.parent_path(), code);
    if (code) {
        return;
    }
    if (space.available < nearly_full) {
        fs::remove(reserve, code);
    } else if (space.available > plenty && !fs::exists(reserve, code)) {
        const Fd fd(::open(reserve.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                           shared_file_mode(file.parent_path(), 0600)));
        if (fd && ::posix_fallocate(fd.get(), 0, static_cast<off_t>(reserve_size)) != 0) {
            fs::remove(reserve, code);
        }
    }
}

}  // namespace imgforge::state_file
