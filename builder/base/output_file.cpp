// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/random.hpp"

namespace fs = std::filesystem;

namespace imgforge {

namespace {

constexpr unsigned permission_bits = 07777;

/// The name behind a chain of symbolic links, also when nothing stands there yet.
fs::path behind_links(fs::path path) {
    constexpr int most = 40;  // MAXSYMLINKS of the kernel
    std::error_code code;
    for (int links = 0; fs::is_symlink(fs::symlink_status(path, code)); ++links) {
        if (links == most) {
            throw system_error("follow the link", path.string(), ELOOP);
        }
        const fs::path next = fs::read_symlink(path, code);
        path = next.is_absolute() ? next : path.parent_path() / next;
    }
    return path;
}

std::string_view kind_of(mode_t mode) {
    return S_ISDIR(mode)    ? "a directory"
           : S_ISBLK(mode)  ? "a block device"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISFIFO(mode) ? "a pipe"
                            : "a socket";
}

}  // namespace

OutputFile::OutputFile(const fs::path& named, Existing existing, unsigned mode, std::string_view force_hint)
    : target_(behind_links(named)), mode_(mode) {
    struct stat status {};
    // What is really there: /dev/stdout and /proc/self/fd lead to things that have no name to rename over.
    const bool there = ::stat(named.c_str(), &status) == 0;
    if (there && !S_ISREG(status.st_mode)) {
        throw Error(Failure::usage,
                    fmt::format("'{}' is {}; it is never replaced", named.string(), kind_of(status.st_mode)),
                    "name a file");
    }
    if (there && existing == Existing::refuse) {
        throw Error(Failure::usage, fmt::format("{} exists already", named.string()),
                    std::string(force_hint));
    }
    if (there) {
        if (::geteuid() != 0 && status.st_uid != ::geteuid()) {
            throw Error(Failure::host,
                        fmt::format("'{}' belongs to another user (uid {}); replacing it would make it yours",
                                    named.string(), status.st_uid),
                        "write to a file of your own, or run this as its owner");
        }
        replaced_ = Attributes{status.st_mode & permission_bits, status.st_uid, status.st_gid};
    }
    const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
    std::error_code code;
    if (!fs::is_directory(folder, code)) {
        throw Error(Failure::host,
                    fmt::format("'{}' cannot be written: directory '{}' does not exist", named.string(),
                                folder.string()),
                    "make the directory first");
    }
    temporary_ = folder / fmt::format(".{}.{}.tmp", target_.filename().string(), random_hex(8));
}

OutputFile::~OutputFile() {
    std::error_code ignored;
    fs::remove(temporary_, ignored);
}

void OutputFile::write(std::string_view bytes) {
    const Fd fd = open_fd(temporary_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    write_all(fd.get(), bytes, target_.string());
}

void OutputFile::commit(bool flush) {
    const Fd fd = open_fd(temporary_, O_RDONLY | O_NOFOLLOW);
    const auto failed = [&](std::string_view what) {
        throw system_error(std::string(what), target_.string(), errno);
    };
    struct stat made {};
    if (::fstat(fd.get(), &made) != 0) {
        failed("look at the new file for");
    }
    // The owner first: chown(2) clears set-user-ID bits.
    if (replaced_ && (made.st_uid != replaced_->uid || made.st_gid != replaced_->gid) &&
        ::fchown(fd.get(), replaced_->uid, replaced_->gid) != 0) {
        failed("keep the owner and group of");
    }
    if (::fchmod(fd.get(), static_cast<mode_t>(replaced_ ? replaced_->mode : mode_)) != 0) {
        failed("set the mode of");
    }
    if (flush && ::fsync(fd.get()) != 0) {
        failed("flush");
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
        failed("rename a new file to");
    }
    if (flush) {
        sync_directory(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
    }
}

void write_output(const fs::path& named, std::string_view bytes, OutputFile::Existing existing,
                  unsigned mode) {
    OutputFile file(named, existing, mode);
    file.write(bytes);
    file.commit();
}

}  // namespace imgforge
