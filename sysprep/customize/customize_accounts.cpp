// SPDX-License-Identifier: GPL-3.0-or-later
// Users, their passwords and their keys.
#include <fmt/format.h>

#include <algorithm>

#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "builder/base/redact.hpp"
#include "sysprep/customize/customizing.hpp"
#include "sysprep/customize/passwords.hpp"

namespace imgforge::sysprep {

void Customizing::set_field(const std::string& user,
                            const std::function<std::string(std::string_view)>& change) {
    bool known = false;
    cleaner_.edit_lines("/etc/shadow", [&](const std::string& line) -> std::optional<std::string> {
        if (!line.starts_with(user + ":")) {
            return line;
        }
        known = true;
        const std::size_t start = user.size() + 1;
        const std::size_t end = std::min(line.size(), line.find(':', start));
        return line.substr(0, start) + change(std::string_view(line).substr(start, end - start)) +
               line.substr(end);
    });
    if (!known) {
        throw Error(Failure::guest, fmt::format("no user '{}' in the guest's /etc/shadow", user),
                    "make the user first: users:");
    }
    report_.passwords.push_back(user);
}

void Customizing::set_hash(const std::string& user, const std::string& hash) {
    remember_secret(hash);
    set_field(user, [&](std::string_view) { return hash; });
}

void Customizing::passwords() {
    for (const auto& [user, text] : spec_.passwords) {
        const PasswordChange change = parse_password(text, spec_.folder, spec_.password_crypto);
        set_field(user, [&](std::string_view before) { return shadow_field(change, before); });
        if (!change.generated.empty()) {
            report_.generated[user] = change.generated;
        }
        step(fmt::format("password of {}", user));
    }
}

void Customizing::add_keys(const std::string& user, const std::vector<std::string>& keys) {
    const std::vector<Account> accounts = cleaner_.accounts();
    const auto account = std::find_if(accounts.begin(), accounts.end(),
                                      [&](const Account& candidate) { return candidate.name == user; });
    if (account == accounts.end() || account->home.size() < 2) {
        throw Error(Failure::guest,
                    fmt::format("no user '{}' with a home in the guest for its SSH keys", user));
    }
    const std::string folder = guest::join_path(account->home, ".ssh");
    const std::string file = folder + "/authorized_keys";
    if (!fs_.exists(folder)) {
        fs_.make_directory(folder, 0700);
        fs_.chown(folder, account->uid, account->gid);
    }
    std::string content = cleaner_.read(file);
    for (const std::string& key : keys) {
        if (content.find(key) == std::string::npos) {
            content += (content.empty() || content.ends_with('\n') ? "" : "\n") + key + "\n";
        }
    }
    fs_.write(file, content, 0600, account->uid, account->gid);
    keep(file);
    step(fmt::format("SSH keys of {}", user));
}

void Customizing::make_user(const UserSpec& user) {
    const std::vector<Account> accounts = cleaner_.accounts();
    const bool exists = std::any_of(accounts.begin(), accounts.end(),
                                    [&](const Account& account) { return account.name == user.name; });
    if (!exists) {
        // busybox has adduser only.
        const std::string name = shell_quote(user.name);
        const std::string shell = shell_quote(user.shell);
        command(fmt::format("make user {}", user.name),
                fmt::format("if command -v useradd >/dev/null; then useradd -m -s {0} {2}{1}; else adduser "
                            "-D -s {0} {3}{1}; fi",
                            shell, name, user.system ? "-r " : "", user.system ? "-S " : ""));
    }
    for (const std::string& group : user.groups) {
        command(fmt::format("put {} into {}", user.name, group),
                fmt::format(
                    "if command -v usermod >/dev/null; then usermod -a -G {0} {1}; else addgroup {1} {0}; fi",
                    shell_quote(group), shell_quote(user.name)));
    }
    if (!user.password_hash.empty()) {
        set_hash(user.name, user.password_hash);
    }
    if (user.sudo) {
        const std::string file = "/etc/sudoers.d/80-" + user.name;
        cleaner_.write(file, user.name + " ALL=(ALL:ALL) NOPASSWD: ALL\n", 0440);
        keep(file);
    }
    if (!user.ssh_keys.empty()) {
        add_keys(user.name, user.ssh_keys);
    }
}

void Customizing::users() {
    for (const UserSpec& user : spec_.users) {
        make_user(user);
    }
    for (const auto& [user, keys] : spec_.ssh_keys) {
        add_keys(user, keys);
    }
}

}  // namespace imgforge::sysprep
