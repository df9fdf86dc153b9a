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
#include "sysprep/customize/customizing.hpp"
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

}  // namespace

/// Whether programs of the guest can run in this host's appliance.
bool Customizing::runs_here() const {
#if defined(__x86_64__)
    const bool same = session_.os.arch == "x86_64" || session_.os.arch == "i386";
#elif defined(__aarch64__)
    const bool same = session_.os.arch == "aarch64";
#else
    const bool same = true;
#endif
    return same || session_.os.arch.empty();
}

void Customizing::check_architecture() const {
    if (needs_commands() && !runs_here()) {
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
        step(fmt::format("directory {}", path));
        keep(path);
    }
    for (const auto& [host, path] : spec_.upload) {
        // As with cp: a directory as target takes the file under its own name.
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
    apply_file_steps(cleaner_, spec_.files, [&](const std::string& text) { step(text); });
}

/// New files have no label yet, and the policy of an enforcing guest would keep services from reading them.
void Customizing::selinux() {
    if (!spec_.selinux_relabel || !fs_.exists("/etc/selinux/config")) {
        return;
    }
    const std::string config = cleaner_.read("/etc/selinux/config");
    std::smatch type;
    static const std::regex policy_type("(^|\\n)SELINUXTYPE=([a-z]+)");
    const std::string contexts =
        std::regex_search(config, type, policy_type)
            ? fmt::format("/etc/selinux/{}/contexts/files/file_contexts", type[2].str())
            : "";
    const bool now = !contexts.empty() && fs_.exists(contexts) &&
                     !fs_.glob_all({"/usr/sbin/setfiles", "/sbin/setfiles"}).empty() && runs_here();
    if (now) {
        command("make SELinux labels",
                fmt::format("setfiles -F -e /proc -e /sys -e /dev {} /", shell_quote(contexts)));
    } else {
        cleaner_.write("/.autorelabel", "-F\n");
        step("SELinux labels are made at the next boot");
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

void Customizing::first_boot() {
    std::vector<std::string> lines;
    if (!spec_.firstboot_install.empty()) {
        lines.push_back(package_command(session_.os, PackageAction::refresh, {}) + " && " +
                        package_command(session_.os, PackageAction::install, spec_.firstboot_install));
    }
    lines.insert(lines.end(), spec_.firstboot.begin(), spec_.firstboot.end());
    if (!lines.empty()) {
        install_firstboot(cleaner_, lines);
        step("first boot commands installed");
    }
}

namespace {

/// What records, progress and errors call a line of `run`: its place and its program. The line itself may
/// hold a password (`echo root:… | chpasswd`) and stands in its own log alone, which is the owner's.
std::string shell_line_label(std::size_t number, const std::string& line) {
    static const std::regex plain("^\\s*([A-Za-z0-9_./-]{1,40})(\\s|$)");
    std::smatch match;
    const std::string start = line.substr(0, 100);
    return std::regex_search(start, match, plain) ? fmt::format("command {} ({})", number, match[1].str())
                                                  : fmt::format("command {}", number);
}

}  // namespace

void Customizing::commands() {
    std::string variables;
    for (const auto& [name, value] : spec_.variables) {
        remember_secret(value);
        variables += name + "=" + shell_quote(value) + "\n";
    }
    std::size_t number = 0;
    for (const std::string& line : spec_.run) {
        command(shell_line_label(++number, line), variables + line);
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

Json CustomizeReport::to_json() const {
    Json names = Json::array();
    for (const auto& log : logs) {
        names.push_back(log.filename().string());
    }
    return {{"steps", steps},
            {"paths", paths},
            {"passwords", passwords},
            {"generated", generated},
            {"logs", names}};
}

CustomizeReport customize(OfflineSession& session, const CustomizeSpec& spec,
                          const std::filesystem::path& logs) {
    return Customizing(session, spec, logs).run();
}

}  // namespace imgforge::sysprep
