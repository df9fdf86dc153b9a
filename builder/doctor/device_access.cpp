// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/doctor/device_access.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <regex>

namespace imgforge::doctor {

std::optional<HostUser> host_user(const std::string& name) {
    const struct passwd* const entry = ::getpwnam(name.c_str());
    if (entry == nullptr) {
        return std::nullopt;
    }
    HostUser user{.name = name, .uid = entry->pw_uid};
    int count = 64;
    user.groups.resize(static_cast<std::size_t>(count));
    while (::getgrouplist(name.c_str(), entry->pw_gid, user.groups.data(), &count) < 0) {
        user.groups.resize(static_cast<std::size_t>(count));
    }
    user.groups.resize(static_cast<std::size_t>(count));
    return user;
}

bool may_read_and_write(const struct stat& file, const HostUser& user) {
    if (user.uid == 0) {
        return true;
    }
    // The first class that fits decides, even when a later one would allow more (path_resolution(7)).
    if (file.st_uid == user.uid) {
        return (file.st_mode & (S_IRUSR | S_IWUSR)) == (S_IRUSR | S_IWUSR);
    }
    if (std::find(user.groups.begin(), user.groups.end(), file.st_gid) != user.groups.end()) {
        return (file.st_mode & (S_IRGRP | S_IWGRP)) == (S_IRGRP | S_IWGRP);
    }
    return (file.st_mode & (S_IROTH | S_IWOTH)) == (S_IROTH | S_IWOTH);
}

std::string qemu_user(std::string_view qemu_conf) {
    static const std::regex setting(R"re(^[ \t]*user[ \t]*=[ \t]*"?\+?([A-Za-z0-9_.-]+)"?[ \t]*$)re");
    std::string user = "libvirt-qemu";
    while (!qemu_conf.empty()) {
        const std::size_t end = std::min(qemu_conf.find('\n'), qemu_conf.size());
        const std::string line(qemu_conf.substr(0, std::min<std::size_t>(end, 200)));
        std::smatch found;
        if (std::regex_match(line, found, setting)) {
            user = found[1] == "0" ? std::string("root") : found[1].str();
        }
        qemu_conf.remove_prefix(std::min(end + 1, qemu_conf.size()));
    }
    return user;
}

}  // namespace imgforge::doctor
