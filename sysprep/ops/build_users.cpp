// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <sstream>

namespace imgforge::sysprep {

namespace {

/// user1,user,user2 without `user`.
std::string members_without(const std::string& members, const std::string& user) {
    std::string kept;
    std::istringstream names(members);
    for (std::string name; std::getline(names, name, ',');) {
        if (name != user) {
            kept += (kept.empty() ? "" : ",") + name;
        }
    }
    return kept;
}

void remove_user(Cleaner& cleaner, const std::string& user) {
    if (user.empty() || user == "root") {
        return;
    }
    for (const Account& account : cleaner.accounts()) {
        if (account.name == user && account.home.starts_with("/home/")) {
            cleaner.remove(account.home);
        }
    }
    for (const char* path : {"/etc/passwd", "/etc/shadow", "/etc/subuid", "/etc/subgid"}) {
        cleaner.edit_lines(path, [&](const std::string& line) -> std::optional<std::string> {
            return line.starts_with(user + ":") ? std::nullopt : std::optional(line);
        });
    }
    for (const char* path : {"/etc/group", "/etc/gshadow"}) {
        cleaner.edit_lines(path, [&](const std::string& line) -> std::optional<std::string> {
            const std::size_t members = line.rfind(':');
            if (line.starts_with(user + ":") || members == std::string::npos) {
                return line.starts_with(user + ":") ? std::nullopt : std::optional(line);
            }
            return line.substr(0, members + 1) + members_without(line.substr(members + 1), user);
        });
    }
    for (const std::string& path : cleaner.fs().glob("/etc/sudoers.d/*")) {
        cleaner.edit_lines(path, [&](const std::string& line) -> std::optional<std::string> {
            return line.starts_with(user + " ") || line.starts_with(user + "\t") ? std::nullopt
                                                                                 : std::optional(line);
        });
    }
    cleaner.remove_all({"/var/lib/systemd/linger/" + guest::glob_quote(user),
                        "/var/spool/cron/{,crontabs/}" + guest::glob_quote(user),
                        "/var/{mail,spool/mail}/" + guest::glob_quote(user)});
}

}  // namespace

Operation build_users_operation() {
    return {
        .name = "build-users",
        .heading = "Remove users that existed for the build",
        .reason = "their keys, homes and sudo rules are a way into every clone",
        .source = "userdel(8)",
        .rows = {"E2"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& user : cleaner.options().remove_users) {
                    remove_user(cleaner, user);
                }
            },
    };
}

}  // namespace imgforge::sysprep
