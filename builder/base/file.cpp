// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/random.hpp"
#include "builder/base/sharing.hpp"

namespace fs = std::filesystem;

namespace imgforge {

namespace {

fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

/// What its owner alone may read stays so, in a directory of a group too: private keys, logs.
bool for_group(unsigned mode) {
    return (mode & 0070U) != 0;
}

/// For a pipe (`imgforge validate <(…)`) or terminal whose writer takes its time, or never writes.
void await_bytes(const Fd& fd, const fs::path& path, std::size_t have) {
    constexpr std::chrono::seconds timeout{30};
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (std::chrono::steady_clock::now() < until) {
        interrupt::check();
        std::array<pollfd, 2> wait{pollfd{fd.get(), POLLIN, 0}, pollfd{interrupt::wake_fd(), POLLIN, 0}};
        if (::poll(wait.data(), wait.size(), 1000) > 0 && wait[0].revents != 0) {
            return;
        }
    }
    throw Error(
        Failure::recipe,
        fmt::format("{}: nothing more came within {} s after {} bytes", path.string(), timeout.count(), have),
        "name a file, or a pipe that is written to");
}

}  // namespace

std::string read_file(const fs::path& path, std::uintmax_t limit) {
    std::error_code code;
    if (fs::symlink_status(path, code).type() == fs::file_type::not_found) {
        throw Error(Failure::recipe, fmt::format("cannot open {}: No such file or directory", path.string()),
                    path.is_absolute()
                        ? "check the path"
                        : "check the path: it is relative to " + fs::current_path(code).string());
    }
    // Without O_NONBLOCK a FIFO that nobody writes to would hold us in open(2) for ever.
    const Fd fd = open_fd(path, O_RDONLY | O_NONBLOCK);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) {
        throw system_error("read", path.string(), errno);
    }
    if (S_ISDIR(info.st_mode)) {
        throw Error(Failure::recipe, fmt::format("{} is a directory, not a file", path.string()));
    }
    std::string bytes;
    // Room for a regular file at once; those of /proc say 0, and whatever grows meanwhile is still read to
    // its end.
    bytes.reserve(
        std::min<std::uintmax_t>(static_cast<std::uintmax_t>(std::max<off_t>(info.st_size, 0)), limit) + 1);
    std::array<char, 65536> chunk{};
    for (;;) {
        const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            await_bytes(fd, path, bytes.size());
            continue;
        }
        if (got < 0) {
            throw system_error("read", path.string(), errno);
        }
        if (got == 0) {
            return bytes;
        }
        bytes.append(chunk.data(), static_cast<size_t>(got));
        if (bytes.size() > limit) {
            throw Error(Failure::recipe,
                        fmt::format("{} is larger than {} bytes, which cannot be right for this kind of file",
                                    path.string(), limit));
        }
    }
}

AtomicFile::AtomicFile(fs::path destination, unsigned mode) : destination_(std::move(destination)) {
    const fs::path folder = folder_of(destination_);
    temporary_ = folder / fmt::format(".{}.{}.tmp", destination_.filename().string(), random_hex(8));
    Fd fd = open_fd(temporary_, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    ::fchmod(fd.get(), for_group(mode) ? shared_file_mode(folder, mode) : mode);
    fd_ = fd.release();
}

AtomicFile::~AtomicFile() {
    if (fd_ >= 0) {
        ::close(fd_);
        ::unlink(temporary_.c_str());
    }
}

void AtomicFile::write(std::string_view bytes) {
    write_all(fd_, bytes, destination_.string());
}

void AtomicFile::commit() {
    if (::fsync(fd_) != 0) {
        throw system_error("flush", destination_.string(), errno);
    }
    if (::rename(temporary_.c_str(), destination_.c_str()) != 0) {
        throw system_error("rename a new file to", destination_.string(), errno);
    }
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0 && errno != EINTR) {
        throw system_error("close", destination_.string(), errno);
    }
    sync_directory(folder_of(destination_));
}

void rename_durably(const fs::path& from, const fs::path& to, const std::string& hint) {
    std::error_code code;
    fs::rename(from, to, code);
    if (code) {
        const Error error =
            system_error(fmt::format("rename {} to", from.string()), to.string(), code.value());
        throw Error(Failure::host, error.message(), hint.empty() ? error.hint() : hint);
    }
    sync_directory(folder_of(to));
}

void write_file_atomically(const fs::path& path, std::string_view bytes, unsigned mode) {
    AtomicFile file(path, mode);
    file.write(bytes);
    file.commit();
}

namespace {

/// Reads and writes the bytes from `start` to `end` at the same place.
void copy_by_hand(int from, int to, off_t start, off_t end, const std::string& name) {
    std::vector<char> buffer(1U << 20U);
    while (start < end) {
        const auto wanted = std::min(static_cast<size_t>(end - start), buffer.size());
        const ssize_t got = ::pread(from, buffer.data(), wanted, start);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            throw system_error("copy to", name, got == 0 ? EIO : errno);
        }
        for (ssize_t done = 0; done < got;) {
            const ssize_t put =
                ::pwrite(to, buffer.data() + done, static_cast<size_t>(got - done), start + done);
            if (put < 0 && errno != EINTR) {
                throw system_error("copy to", name, errno);
            }
            done += std::max<ssize_t>(put, 0);
        }
        start += got;
    }
}

/// Copies only the data extents, so that a sparse disk image stays sparse.
void copy_extents(int from, int to, off_t size, const std::string& name) {
    off_t position = 0;
    while (position < size) {
        off_t data = ::lseek(from, position, SEEK_DATA);
        if (data < 0) {
            if (errno == ENXIO) {
                break;
            }
            data = position;
        }
        off_t hole = ::lseek(from, data, SEEK_HOLE);
        if (hole < 0) {
            hole = size;
        }
        off_t in = data;
        off_t out = data;
        while (in < hole) {
            const ssize_t copied = ::copy_file_range(from, &in, to, &out, static_cast<size_t>(hole - in), 0);
            if (copied < 0 && errno == EINTR) {
                continue;
            }
            // copy_file_range(2): EXDEV between file systems of different types, EINVAL and ENOSYS on some
            // network ones.
            if (copied < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
                copy_by_hand(from, to, in, hole, name);
                in = hole;
                continue;
            }
            if (copied <= 0) {
                throw system_error("copy to", name, copied == 0 ? EIO : errno);
            }
        }
        position = hole;
    }
}

}  // namespace

bool copy_file_fast(const fs::path& from, const fs::path& to, unsigned mode) {
    const Fd source = open_fd(from, O_RDONLY);
    struct stat info {};
    if (::fstat(source.get(), &info) != 0) {
        throw system_error("read", from.string(), errno);
    }
    const Fd target = open_fd(to, O_RDWR | O_CREAT | O_EXCL, mode);
    try {
        ::fchmod(target.get(), mode);
        const bool cloned = ::ioctl(target.get(), FICLONE, source.get()) == 0;
        if (!cloned) {
            if (::ftruncate(target.get(), info.st_size) != 0) {
                throw system_error("size", to.string(), errno);
            }
            copy_extents(source.get(), target.get(), info.st_size, to.string());
        }
        if (::fsync(target.get()) != 0) {
            throw system_error("flush", to.string(), errno);
        }
        return cloned;
    } catch (...) {
        ::unlink(to.c_str());
        throw;
    }
}

std::uint64_t allocated_size(const fs::path& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512U : 0U;
}

void make_directories(const fs::path& path, unsigned mode) {
    if (path.empty() || fs::is_directory(path)) {
        return;
    }
    make_directories(path.parent_path(), mode);
    const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
    const unsigned wanted = for_group(mode) ? shared_folder_mode(parent, mode) : mode;
    if (::mkdir(path.c_str(), mode) == 0) {
        // mkdir(2) applies the umask and ignores the set-group-ID bit.
        if (wanted != mode) {
            ::chmod(path.c_str(), wanted);
        }
    } else if (errno != EEXIST) {
        throw system_error("create the directory", path.string(), errno);
    }
    if (!fs::is_directory(path)) {
        throw system_error("create the directory", path.string(), ENOTDIR);
    }
}

namespace {

/// chattr -i, as far as we may: published generations carry that flag (pipelines/store/seal.hpp).
void clear_immutable(const fs::path& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    unsigned flags = 0;
    if (fd && ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL) != 0) {
        flags &= ~static_cast<unsigned>(FS_IMMUTABLE_FL);
        static_cast<void>(::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags));
    }
}

}  // namespace

void remove_tree(const fs::path& path) {
    std::error_code code;
    const fs::file_status status = fs::symlink_status(path, code);
    if (!fs::exists(status)) {
        return;
    }
    if (fs::is_directory(status)) {
        clear_immutable(path);
        fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, code);
        for (auto entry = fs::directory_iterator(path, code); !code && entry != fs::directory_iterator();
             entry.increment(code)) {
            remove_tree(entry->path());
        }
    }
    if (!fs::remove(path, code) && code == std::errc::operation_not_permitted) {
        clear_immutable(path);
        fs::remove(path, code);
    }
    if (code) {
        throw system_error("remove", path.string(), code.value());
    }
}

std::uint64_t free_space(const fs::path& path) {
    fs::path probe = fs::absolute(path);
    while (!fs::exists(probe) && probe.has_relative_path()) {
        probe = probe.parent_path();
    }
    struct statvfs info {};
    if (::statvfs(probe.c_str(), &info) != 0) {
        throw system_error("ask for the free space of", probe.string(), errno);
    }
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace imgforge
