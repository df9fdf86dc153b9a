// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/checks.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

constexpr std::uintmax_t script_limit = 16U << 20U;

Json list_of(const Json& options, const char* key) {
    const auto found = options.find(key);
    if (found == options.end() || found->is_null()) {
        return Json::array();
    }
    return found->is_array() ? *found : Json::array({*found});
}

/// "nginx" and {nginx: {…}}: what is named, with what is demanded of it.
std::vector<std::pair<std::string, Json>> named(const Json& options, const char* key) {
    std::vector<std::pair<std::string, Json>> list;
    for (const Json& entry : list_of(options, key)) {
        if (!entry.is_object()) {
            list.emplace_back(entry.get<std::string>(), Json::object());
            continue;
        }
        for (const auto& [name, demands] : entry.items()) {
            list.emplace_back(name, demands.is_object() ? demands : Json::object());
        }
    }
    return list;
}

std::string enabled_line(const std::string& service) {
    return fmt::format(
        "if [ -d /run/systemd/system ]; then systemctl is-enabled {0}; "
        "else rc-update show | grep -qw -e {0}; fi",
        shell_quote(service));
}

/// A boot goes on after SSH answers, so an active service is waited for while it is being started.
std::string becomes_active(const std::string& service) {
    return fmt::format(
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do\n"
        "  state=$({0} 2>&1) && break\n"
        "  case $state in *activating*) sleep 4;; *) break;; esac\n"
        "done\necho \"$state\"\n{0} >/dev/null 2>&1\n",
        active_line(service));
}

/// What a package manager of the guest says; dpkg-query(1), rpm(8), apk(8), pacman(8).
std::string installed_line(const std::string& package) {
    return fmt::format(
        "if command -v dpkg-query >/dev/null; then\n"
        "  dpkg-query -W -f '${{Status}} ${{Version}}\\n' {0} | grep '^install ok installed '\n"
        "elif command -v rpm >/dev/null; then rpm -q {0}\n"
        "elif command -v apk >/dev/null; then apk info -e {0}\n"
        "else pacman -Q {0}; fi\n",
        shell_quote(package));
}

class Collecting {
public:
    Collecting(const Json& options, const fs::path& folder, const SecretSource& secret)
        : options_(options),
          folder_(folder),
          secret_(secret),
          env_(variables_of(options.value("env", Json::object()))),
          timeout_(parse_duration(options.value("timeout", std::string("5m")))) {}

    std::vector<Check> all() {
        services();
        ports();
        files();
        packages();
        commands();
        scripts();
        for (const Json& file : list_of(options_, "testinfra")) {
            const fs::path path = (folder_ / file.get<std::string>()).lexically_normal();
            add("testinfra " + path.filename().string(), TestinfraCheck{path});
        }
        return std::move(checks_);
    }

private:
    template <class What>
    void add(std::string name, What what) {
        std::string unique = name;
        for (int n = 2; !names_.insert(unique).second; ++n) {
            unique = fmt::format("{} ({})", name, n);
        }
        checks_.push_back({unique, std::move(what), timeout_});
    }

    void in_guest(std::string name, std::string script) {
        add(std::move(name), GuestCheck{std::move(script)});
    }

    void services() {
        for (const auto& [name, demands] : named(options_, "services")) {
            if (demands.contains("active") && !demands["active"].get<bool>()) {
                in_guest(fmt::format("service {} is not active", name),
                         fmt::format("if {}; then exit 1; fi\n", "{ " + active_line(name) + "; }"));
            } else {
                in_guest(fmt::format("service {} is active", name), becomes_active(name));
            }
            if (demands.contains("enabled") && !demands["enabled"].get<bool>()) {
                in_guest(fmt::format("service {} is not enabled", name),
                         fmt::format("if {}; then exit 1; fi\n", "{ " + enabled_line(name) + "; }"));
            } else {
                in_guest(fmt::format("service {} is enabled", name), enabled_line(name) + "\n");
            }
        }
    }

    void ports() {
        for (const Json& port : list_of(options_, "ports")) {
            add(fmt::format("port {} is reachable", port.get<int>()), PortCheck{port.get<std::uint16_t>()});
        }
    }

    void files() {
        for (const auto& [path, demands] : named(options_, "files")) {
            const std::string file = shell_quote(path);
            if (demands.value("absent", false)) {
                in_guest(fmt::format("{} is not there", path),
                         fmt::format("if [ -e {0} ] || [ -L {0} ]; then ls -ld {0}; exit 1; fi\n", file));
                continue;
            }
            in_guest(fmt::format("{} exists", path), fmt::format("ls -ld {}\n", file));
            for (const auto& [key, format] :
                 {std::pair("mode", "%a"), std::pair("owner", "%U"), std::pair("group", "%G")}) {
                if (demands.contains(key)) {
                    std::string wanted =
                        demands[key].is_string() ? demands[key].get<std::string>() : demands[key].dump();
                    if (std::string_view(key) == "mode") {  // stat(1) writes no leading zero
                        wanted.erase(0, std::min(wanted.find_first_not_of('0'), wanted.size() - 1));
                    }
                    in_guest(fmt::format("{} has {} {}", path, key, wanted),
                             fmt::format("is=$(stat -L -c {} {}) && echo \"{} $is\" && [ \"$is\" = {} ]\n",
                                         format, file, key, shell_quote(wanted)));
                }
            }
            if (demands.contains("contains")) {
                in_guest(fmt::format("{} contains the text", path),
                         fmt::format("grep -qF -e {} {} || {{ echo 'not found'; exit 1; }}\n",
                                     shell_quote(demands["contains"].get<std::string>()), file));
            }
            if (demands.contains("sha256")) {
                in_guest(fmt::format("{} has the digest", path),
                         fmt::format("is=$(sha256sum <{} | cut -c1-64); echo \"$is\"; [ \"$is\" = {} ]\n",
                                     file, shell_quote(demands["sha256"].get<std::string>())));
            }
        }
    }

    void packages() {
        for (const auto& [name, demands] : named(options_, "packages")) {
            if (demands.value("absent", false)) {
                in_guest(fmt::format("package {} is not installed", name),
                         fmt::format("if {{\n{}}}; then exit 1; fi\n", installed_line(name)));
                continue;
            }
            in_guest(fmt::format("package {} is installed", name), installed_line(name));
        }
    }

    void commands() {
        for (const Json& entry : list_of(options_, "run")) {
            const std::string line =
                entry.is_string() ? entry.get<std::string>() : entry.value("command", "");
            const std::string first = line.substr(0, line.find('\n'));
            const std::string name = entry.is_object() ? entry.value("name", first) : first;
            std::string script = run_script({{line}}, env_, secret_);
            if (entry.is_object() && entry.contains("expect")) {
                script = fmt::format(
                    "out=$({{\n{}}} 2>&1); code=$?\nprintf '%s\\n' \"$out\"\n[ $code = 0 ] || exit $code\n"
                    "printf '%s\\n' \"$out\" | grep -qF -e {}\n",
                    script, shell_quote(entry["expect"].get<std::string>()));
            }
            in_guest("run " + name, script);
        }
    }

    void scripts() {
        for (const Json& entry : list_of(options_, "script")) {
            const Json one = entry.is_string() ? Json{{"file", entry}} : entry;
            ScriptStep step{.file = (folder_ / one.value("file", "")).lexically_normal()};
            if (one.contains("args")) {
                step.args = one["args"].get<std::vector<std::string>>();
            }
            Variables env = env_;
            const Variables own = variables_of(one.value("env", Json::object()));
            env.insert(env.end(), own.begin(), own.end());
            in_guest("script " + one.value("name", step.file.filename().string()),
                     script_script(step, read_file(step.file, script_limit), env, secret_));
        }
    }

    const Json& options_;
    const fs::path& folder_;
    const SecretSource& secret_;
    Variables env_;
    std::chrono::seconds timeout_;
    std::vector<Check> checks_;
    std::set<std::string> names_;
};

}  // namespace

std::vector<Check> parse_checks(const Json& options, const fs::path& folder, const SecretSource& secret) {
    return Collecting(options, folder, secret).all();
}

std::vector<std::uint16_t> checked_ports(const std::vector<Check>& checks) {
    std::set<std::uint16_t> ports;
    for (const Check& check : checks) {
        if (const auto* const port = std::get_if<PortCheck>(&check.what)) {
            ports.insert(port->port);
        }
    }
    return {ports.begin(), ports.end()};
}

std::vector<fs::path> check_files(const Json& options, const fs::path& folder) {
    std::vector<fs::path> files;
    for (const char* const key : {"script", "testinfra"}) {
        for (const Json& entry : list_of(options, key)) {
            files.push_back(
                (folder / (entry.is_string() ? entry.get<std::string>() : entry.value("file", "")))
                    .lexically_normal());
        }
    }
    return files;
}

std::vector<std::pair<std::string, std::string>> check_checks(const Json& options, const fs::path& folder) {
    std::vector<std::pair<std::string, std::string>> faults;
    std::size_t count = 0;
    for (const char* const key : {"services", "ports", "files", "packages", "run", "script", "testinfra"}) {
        count += list_of(options, key).size();
    }
    if (count == 0) {
        faults.emplace_back(
            "", "nothing to verify: name services, ports, files, packages, run, script or testinfra");
    }
    for (const auto& [path, demands] : named(options, "files")) {
        if (!path.starts_with("/")) {
            faults.emplace_back("/files", fmt::format("'{}' is not an absolute path", path));
        }
    }
    for (const fs::path& file : check_files(options, folder)) {
        std::error_code code;
        if (!fs::is_regular_file(file, code)) {
            faults.emplace_back("", fmt::format("{} does not exist", file.string()));
        }
    }
    return faults;
}

}  // namespace imgforge::provision
