// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/sharing.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <vector>

namespace fs = std::filesystem;

namespace imgforge {

namespace {

constexpr unsigned owner_bits = 0700;

unsigned with_group(unsigned mode) {
    return mode | ((mode & owner_bits) >> 3U);
}

}  // namespace

bool is_group_folder(const fs::path& folder) {
    struct stat status {};
    fs::path at = folder.empty() ? fs::path(".") : folder;
    while (::stat(at.c_str(), &status) != 0) {
        if (!at.has_relative_path()) {
            return false;
        }
        at = at.has_parent_path() ? at.parent_path() : fs::path(".");
    }
    return S_ISDIR(status.st_mode) && (status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IWGRP) != 0;
}

unsigned shared_file_mode(const fs::path& folder, unsigned mode) {
    return is_group_folder(folder) ? with_group(mode) : mode;
}

unsigned shared_folder_mode(const fs::path& folder, unsigned mode) {
    return is_group_folder(folder) ? with_group(mode) | static_cast<unsigned>(S_ISGID) : mode;
}

std::optional<gid_t> qemu_group() {
    std::vector<char> buffer(1U << 16U);
    group entry{};
    group* found = nullptr;
    const bool known = ::getgrnam_r("kvm", &entry, buffer.data(), buffer.size(), &found) == 0;
    return known && found != nullptr ? std::optional(entry.gr_gid) : std::nullopt;
}

std::optional<uid_t> qemu_user() {
    for (const char* const name : {"libvirt-qemu", "qemu"}) {
        std::vector<char> buffer(1U << 16U);
        passwd entry{};
        passwd* found = nullptr;
        if (::getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
            return entry.pw_uid;
        }
    }
    return std::nullopt;
}

}  // namespace imgforge
