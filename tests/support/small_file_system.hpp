// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"

namespace imgforge::test {

/// A tmpfs of a few MiB mounted on a directory (needs root), gone with the object: the full disk of the
/// tests.
class SmallFileSystem {
public:
    SmallFileSystem(const std::filesystem::path& at, unsigned mebibytes) : at_(at) {
        mounted_ = ::mount("imgforge-test", at_.c_str(), "tmpfs", 0,
                           ("size=" + std::to_string(mebibytes) + "m").c_str()) == 0;
    }
    ~SmallFileSystem() {
        if (mounted_) {
            ::umount2(at_.c_str(), MNT_DETACH);
        }
    }
    SmallFileSystem(const SmallFileSystem&) = delete;
    SmallFileSystem& operator=(const SmallFileSystem&) = delete;
    bool mounted() const { return mounted_; }

    /// Fills it until only `bytes` are free.
    void leave_free(std::uint64_t bytes) const {
        const std::filesystem::path filler = at_ / "filler";
        std::filesystem::remove(filler);
        const std::uint64_t room = free_space(at_);
        if (room > bytes) {
            const Fd fd = open_fd(filler, O_RDWR | O_CREAT);
            ASSERT_EQ(::posix_fallocate(fd.get(), 0, static_cast<off_t>(room - bytes)), 0);
        }
    }
    void empty() const { std::filesystem::remove(at_ / "filler"); }

private:
    std::filesystem::path at_;
    bool mounted_ = false;
};

}  // namespace imgforge::test
