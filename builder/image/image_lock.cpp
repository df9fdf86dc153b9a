// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/image_lock.hpp"

#include <fcntl.h>
#include <sys/types.h>

#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::image {

namespace {

// qemu block/file-posix.c RAW_LOCK_PERM_BASE and RAW_LOCK_SHARED_BASE; include/block/block-common.h
// BLK_PERM_*.
constexpr off_t permission_base = 100;
constexpr off_t unshared_base = 200;
constexpr off_t permission_consistent_read = 0;
constexpr off_t permission_write = 1;
constexpr off_t permission_resize = 3;
constexpr off_t permission_count = 64;

bool somebody_locks(int fd, off_t start, off_t length, const std::filesystem::path& image) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = start;
    lock.l_len = length;
    if (::fcntl(fd, F_OFD_GETLK, &lock) != 0) {
        throw system_error("ask for locks of", image.string(), errno);
    }
    return lock.l_type != F_UNLCK;
}

bool take_shared(int fd, off_t byte, const std::filesystem::path& image) {
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        return true;
    }
    if (errno == EAGAIN || errno == EACCES) {
        return false;
    }
    throw system_error("lock", image.string(), errno);
}

Error in_use(const std::filesystem::path& image, std::string_view how) {
    return Error(Failure::domain, fmt::format("'{}' is in use: {}", image.string(), how),
                 "shut the machine down first, or wait for the other command");
}

}  // namespace

ImageUse image_use(const std::filesystem::path& image) {
    const Fd fd = open_fd(image, O_RDONLY);
    if (somebody_locks(fd.get(), permission_base + permission_write, 1, image) ||
        somebody_locks(fd.get(), permission_base + permission_resize, 1, image)) {
        return ImageUse::writing;
    }
    const bool read = somebody_locks(fd.get(), permission_base, permission_count, image) ||
                      somebody_locks(fd.get(), unshared_base, permission_count, image);
    return read ? ImageUse::reading : ImageUse::unused;
}

void require_unused(const std::filesystem::path& image, bool exclusive) {
    const ImageUse use = image_use(image);
    if (use == ImageUse::writing) {
        throw in_use(image, "a machine or another program writes to it");
    }
    if (exclusive && use == ImageUse::reading) {
        throw in_use(image, "a machine or another program reads it");
    }
}

ImageHold::ImageHold(const std::filesystem::path& image, bool exclusive) : fd_(open_fd(image, O_RDONLY)) {
    std::vector<off_t> bytes{permission_base + permission_consistent_read, unshared_base + permission_write,
                             unshared_base + permission_resize};
    if (exclusive) {
        bytes.push_back(unshared_base + permission_consistent_read);
    }
    for (const off_t byte : bytes) {
        if (!take_shared(fd_.get(), byte, image)) {
            throw in_use(image, "somebody holds it alone");
        }
    }
    // As qemu does: first state what we need, then see whether another's statement contradicts.
    for (const off_t permission : {permission_write, permission_resize}) {
        if (somebody_locks(fd_.get(), permission_base + permission, 1, image)) {
            throw in_use(image, "a machine or another program writes to it");
        }
    }
    if (somebody_locks(fd_.get(), unshared_base + permission_consistent_read, 1, image)) {
        throw in_use(image, "somebody holds it alone");
    }
    if (exclusive && somebody_locks(fd_.get(), permission_base + permission_consistent_read, 1, image)) {
        throw in_use(image, "a machine or another program reads it");
    }
}

}  // namespace imgforge::image
