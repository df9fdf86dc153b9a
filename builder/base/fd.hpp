// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

namespace imgforge {

/// Owner of a file descriptor; closes it, ignoring errors. Call close_checked() where a failed close loses
/// data.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept;

private:
    int fd_ = -1;
};

/// open(2) with O_CLOEXEC added. Throws system_error("open", path).
Fd open_fd(const std::filesystem::path& path, int flags, unsigned mode = 0644);

/// Writes all bytes or throws system_error("write", name).
void write_all(int fd, std::string_view bytes, std::string_view name);

/// fsync(2) of a file by its name; what other processes wrote to it is flushed as well. Throws
/// system_error("flush", file).
void sync_file(const std::filesystem::path& file);

/// fsync(2) of a directory, so that a rename in it survives a power cut.
void sync_directory(const std::filesystem::path& directory);

}  // namespace imgforge
