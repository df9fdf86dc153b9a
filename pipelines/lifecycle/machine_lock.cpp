// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_lock.hpp"

#include <fcntl.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge::lifecycle {
namespace {

/// FNV-1a over the lower-cased name, kept positive for off_t. Two names on one byte only wait for each other.
off_t lock_offset(std::string_view name) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : name) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        hash = (hash ^ static_cast<unsigned char>(lower)) * 1099511628211ULL;
    }
    // NFS servers with 32-bit lock ranges exist; 2^30 bytes are enough to keep names apart.
    return static_cast<off_t>(hash % (1ULL << 30U));
}

/// The bytes after those of the machines themselves.
off_t worker_offset(std::string_view name) {
    return static_cast<off_t>((1ULL << 30U) + static_cast<unsigned long long>(lock_offset(name)));
}

bool try_lock(int fd, off_t offset, short type = F_WRLCK) {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = offset;
    range.l_len = 1;
    if (fcntl(fd, F_OFD_SETLK, &range) == 0) {
        return true;
    }
    if (errno == EAGAIN || errno == EACCES) {
        return false;
    }
    throw system_error("lock", "instances/.lock", errno);
}

}  // namespace

std::optional<MachineLock> MachineLock::try_acquire(const std::filesystem::path& instances,
                                                    std::string_view name) {
    make_directories(instances);
    Fd fd = open_fd(instances / ".lock", O_RDWR | O_CREAT, 0644);
    if (!try_lock(fd.get(), lock_offset(name))) {
        return {};
    }
    return MachineLock(std::move(fd));
}

MachineLock MachineLock::acquire(const std::filesystem::path& instances, std::string_view name,
                                 std::chrono::milliseconds timeout) {
    make_directories(instances);
    Fd fd = open_fd(instances / ".lock", O_RDWR | O_CREAT, 0644);
    const off_t offset = lock_offset(name);
    SystemClock clock;
    wait_until(
        clock, fmt::format("turn on machine '{}'", name), timeout, [&] { return try_lock(fd.get(), offset); },
        [] { return std::string("another imgforge command is working on it"); },
        std::chrono::milliseconds(20));
    return MachineLock(std::move(fd));
}

Fd MachineLock::worker_token(const std::filesystem::path& instances, std::string_view name) {
    make_directories(instances);
    Fd fd = open_fd(instances / ".lock", O_RDWR | O_CREAT, 0644);
    if (!try_lock(fd.get(), worker_offset(name), F_RDLCK)) {
        throw Error(Failure::domain, fmt::format("machine '{}' is being removed", name),
                    "try again in a moment");
    }
    return fd;
}

void MachineLock::wait_for_workers(const std::filesystem::path& instances, std::string_view name,
                                   std::chrono::milliseconds timeout) {
    const Fd fd = open_fd(instances / ".lock", O_RDWR | O_CREAT, 0644);
    SystemClock clock;
    wait_until(
        clock, fmt::format("end of libvirt's work on machine '{}'", name), timeout,
        [&] { return try_lock(fd.get(), worker_offset(name)); },
        [] { return std::string("an imgforge-machine process is still there"); },
        std::chrono::milliseconds(20));
}

}  // namespace imgforge::lifecycle
