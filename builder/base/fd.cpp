// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "builder/base/error.hpp"

namespace imgforge {

void Fd::reset() noexcept {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

Fd open_fd(const std::filesystem::path& path, int flags, unsigned mode) {
    for (;;) {
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        if (fd >= 0) {
            return Fd(fd);
        }
        if (errno != EINTR) {
            throw system_error("open", path.string(), errno);
        }
    }
}

void write_all(int fd, std::string_view bytes, std::string_view name) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw system_error("write", name, errno);
        }
        bytes.remove_prefix(static_cast<size_t>(written));
    }
}

void sync_file(const std::filesystem::path& file) {
    const Fd fd = open_fd(file, O_RDONLY);
    if (::fsync(fd.get()) != 0) {
        throw system_error("flush", file.string(), errno);
    }
}

void sync_directory(const std::filesystem::path& directory) {
    const Fd fd = open_fd(directory, O_RDONLY | O_DIRECTORY);
    // Some network file systems answer EINVAL for directories; there is nothing more we could do there.
    if (::fsync(fd.get()) != 0 && errno != EINVAL) {
        throw system_error("flush", directory.string(), errno);
    }
}

}  // namespace imgforge
