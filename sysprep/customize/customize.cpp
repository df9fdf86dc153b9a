// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/customize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/log.hpp"
#include "builder/base/process.hpp"
#include "builder/base/redact.hpp"
#include "sysprep/cleaner.hpp"
#include "sysprep/customize/firstboot.hpp"

namespace imgforge::sysprep {

namespace {

constexpr const char* policy = "/usr/sbin/policy-rc.d";

std::string tail(const std::string& text, std::size_t lines) {
    std::size_t at = text.size();
    for (std::size_t count = 0; count <= lines && at != std::string::npos && at > 0; ++count) {
        at = text.rfind('\n', at - 1);
    }
    return at == std::string::npos || at == 0 ? text : text.substr(at + 1);
}

/// Runs the steps of one spec.
class Customizing {
public:
    Customizing(OfflineSession& session, const CustomizeSpec& spec, const std::filesystem::path& logs)
        : session_(session),
          fs_(session.fs),
          spec_(spec),
          logs_(logs),
          activity_(session.monitor, "customize",
                    session.appliance == nullptr ? 0 : session.appliance->parent_activity()),
          cleaner_(session.fs, session.os, options_) {
        make_directories(logs_, 0700);
    }

    CustomizeReport run() {
        check_architecture();
        packages();
        files();
        users();
        settings();
        commands();
        if (!spec_.firstboot.empty()) {
            install_firstboot(cleaner_, spec_.firstboot);
            step("first boot commands installed");
        }
        for (const Change& change : cleaner_.changes) {
            keep(change.path);
        }
        return std::move(report_);
    }

private:
    void step(std::string text) {
        activity_.detail(text);
        report_.steps.push_back(std::move(text));
    }
    void keep(const std::string& path) { report_.paths.push_back(guest::glob_quote(path)); }
    bool needs_commands() const {
        return spec_.update || !spec_.install.empty() || !spec_.remove.empty() || !spec_.run.empty() ||
               !spec_.run_scripts.empty() || !spec_.users.empty() || !spec_.locale.empty();
    }
    void check_architecture() const;
    void packages();
    void files();
    void users();
    void make_user(const UserSpec& user);
    void add_keys(const std::string& user, const std::vector<std::string>& keys);
    void set_hash(const std::string& user, const std::string& hash);
    void settings();
    void locale();
    void commands();
    void command(const std::string& what, const std::string& script);

    OfflineSession& session_;
    guest::GuestFs& fs_;
    const CustomizeSpec& spec_;
    std::filesystem::path logs_;
    Activity activity_;
    SysprepOptions options_;
    Cleaner cleaner_;
    CustomizeReport report_;
    int number_ = 0;
};

void Customizing::check_architecture() const {
#if defined(__x86_64__)
    const bool same = session_.os.arch == "x86_64" || session_.os.arch == "i386";
#elif defined(__aarch64__)
    const bool same = session_.os.arch == "aarch64";
#else
    const bool same = true;
#endif
    if (needs_commands() && !same && !session_.os.arch.empty()) {
        throw Error(Failure::guest,
                    fmt::format("the guest is {}: its programs cannot run in this host's appliance",
                                session_.os.arch),
                    "use firstboot: for commands");
    }
}

/// One command of the guest with its own log.
void Customizing::command(const std::string& what, const std::string& script) {
    const std::filesystem::path log =
        logs_ / fmt::format("{:02}-{}.log", ++number_,
                            std::regex_replace(what.substr(0, 40), std::regex("[^A-Za-z0-9]+"), "-"));
    activity_.detail(what);
    const guest::CommandResult result = fs_.run(
        "export HOME=/root LC_ALL=C.UTF-8 SYSTEMD_OFFLINE=1 "
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n" +
            script + "\n",
        spec_.timeout);
    write_file_atomically(
        log, redact(fmt::format("$ {}\n{}[exit code {}]\n", script, result.output, result.code)), 0600);
    report_.logs.push_back(log);
    if (result.code != 0) {
        constexpr std::size_t shown = 20;
        throw Error(Failure::guest,
                    redact(fmt::format("in the guest: '{}' ended with code {}; its last output:\n{}", what,
                                       result.code, tail(result.output, shown))),
                    fmt::format("the whole output is in {}", log.string()));
    }
    step(what);
}

void Customizing::packages() {
    if (!spec_.update && spec_.install.empty() && spec_.remove.empty()) {
        return;
    }
    // Services must not start in the appliance (Debian policy 9.11.3); someone else's file is left alone.
    const bool guard = session_.os.family == "debian" && !fs_.exists(policy);
    if (guard) {
        fs_.write(policy, "#!/bin/sh\nexit 101\n", 0755);
    }
    const auto of = [&](PackageAction action, const std::vector<std::string>& names) {
        return package_command(session_.os, action, names);
    };
    if (spec_.update || (!spec_.install.empty() && spec_.network)) {
        command("refresh package lists", of(PackageAction::refresh, {}));
    }
    if (spec_.update) {
        command("upgrade all packages", of(PackageAction::upgrade, {}));
    }
    if (!spec_.remove.empty()) {
        command(fmt::format("remove {}", fmt::join(spec_.remove, " ")),
                of(PackageAction::remove, spec_.remove));
    }
    if (!spec_.install.empty()) {
        command(fmt::format("install {}", fmt::join(spec_.install, " ")),
                of(PackageAction::install, spec_.install));
    }
    command("clean the package cache", of(PackageAction::clean, {}));
    if (guard) {
        fs_.remove(policy);
    }
}

void Customizing::files() {
    for (const std::string& path : spec_.mkdir) {
        fs_.make_directory(path);
        step(fmt::format("folder {}", path));
        keep(path);
    }
    for (const auto& [host, path] : spec_.upload) {
        // As with cp: a folder as target takes the file under its own name.
        const bool into =
            !std::filesystem::is_directory(host) && (path.ends_with("/") || fs_.is_directory(path));
        const std::string target = into ? guest::join_path(path, host.filename().string()) : path;
        fs_.make_directory(guest::parent_of(target));
        fs_.upload(host, target);
        step(fmt::format("upload {}", target));
        keep(target);
    }
    for (const auto& [path, content] : spec_.write) {
        cleaner_.write(path, content);
        step(fmt::format("write {}", path));
        keep(path);
    }
    for (const auto& [path, target] : spec_.link) {
        cleaner_.link(target, path);
        step(fmt::format("link {} -> {}", path, target));
        keep(path);
    }
    static const std::regex expression("s(.)(.*)\\1(.*)\\1");
    for (const auto& [path, change] : spec_.edit) {
        std::smatch parts;
        if (!std::regex_match(change, parts, expression)) {
            throw Error(Failure::recipe,
                        fmt::format("'{}' is not of the form s/pattern/replacement/", change));
        }
        const std::regex pattern(parts[2].str());
        const std::string replacement = parts[3].str();
        cleaner_.edit_lines(path, [&](const std::string& line) {
            return std::optional(std::regex_replace(line, pattern, replacement));
        });
        step(fmt::format("edit {}", path));
        keep(path);
    }
}

void Customizing::set_hash(const std::string& user, const std::string& hash) {
    remember_secret(hash);
    cleaner_.edit_lines("/etc/shadow", [&](const std::string& line) -> std::optional<std::string> {
        if (!line.starts_with(user + ":")) {
            return line;
        }
        const std::size_t end = line.find(':', user.size() + 1);
        return user + ":" + hash + (end == std::string::npos ? "" : line.substr(end));
    });
    report_.passwords.push_back(user);
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

void Customizing::locale() {
    const std::string& name = spec_.locale;
    if (session_.os.family == "debian") {
        cleaner_.edit_lines("/etc/locale.gen", [&](const std::string& line) -> std::optional<std::string> {
            return line.starts_with("# " + name + " ") ? line.substr(2) : line;
        });
        command("make locale " + name, "command -v locale-gen >/dev/null && locale-gen || true");
        cleaner_.write("/etc/default/locale", "LANG=" + name + "\n");
    } else {
        cleaner_.write("/etc/locale.conf", "LANG=" + name + "\n");
    }
    step(fmt::format("locale {}", name));
}

void Customizing::settings() {
    if (!spec_.timezone.empty()) {
        const std::string zone = "/usr/share/zoneinfo/" + spec_.timezone;
        if (spec_.timezone.find("..") != std::string::npos || !fs_.exists(zone)) {
            throw Error(Failure::guest,
                        fmt::format("the guest does not know the time zone '{}'", spec_.timezone),
                        "install tzdata in it, or correct the name");
        }
        cleaner_.link(zone, "/etc/localtime");
        if (fs_.exists("/etc/timezone")) {
            cleaner_.write("/etc/timezone", spec_.timezone + "\n");
        }
        step(fmt::format("time zone {}", spec_.timezone));
    }
    if (!spec_.locale.empty()) {
        locale();
    }
    if (!spec_.hostname.empty()) {
        cleaner_.write("/etc/hostname", spec_.hostname + "\n");
        keep("/etc/hostname");
        step(fmt::format("hostname {}", spec_.hostname));
    }
}

void Customizing::commands() {
    for (const std::string& line : spec_.run) {
        command(line, line);
    }
    for (const std::filesystem::path& script : spec_.run_scripts) {
        constexpr std::uintmax_t limit = 16U << 20U;
        const std::string target = "/tmp/.imgforge-script";
        fs_.write(target, read_file(script, limit), 0700);
        // By its own #! line.
        command(script.filename().string(), target);
        fs_.remove(target);
    }
}

}  // namespace

Json CustomizeReport::to_json() const {
    Json names = Json::array();
    for (const auto& log : logs) {
        names.push_back(log.filename().string());
    }
    return {{"steps", steps}, {"paths", paths}, {"passwords", passwords}, {"logs", names}};
}

CustomizeReport customize(OfflineSession& session, const CustomizeSpec& spec,
                          const std::filesystem::path& logs) {
    return Customizing(session, spec, logs).run();
}

}  // namespace imgforge::sysprep
