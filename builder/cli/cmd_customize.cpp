// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/customize_options.hpp"
#include "builder/cli/guest_disks.hpp"
#include "sysprep/customize/customize_image.hpp"

namespace imgforge::cli {

namespace {

/// "HOST:PATH" and the like, split at the first separator.
std::pair<std::string, std::string> halves(const std::string& text, char separator, std::string_view option) {
    const std::size_t at = text.find(separator);
    if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
        throw Error(Failure::usage,
                    fmt::format("{}: '{}' must have two parts separated by '{}'", option, text, separator),
                    fmt::format("`imgforge customize --help` shows the form of {}", option));
    }
    return {text.substr(0, at), text.substr(at + 1)};
}

/// FILE, file:FILE or string:KEY.
std::string public_key(const std::string& source) {
    if (source.starts_with("string:")) {
        return source.substr(7);
    }
    const std::string key = read_file(source.starts_with("file:") ? source.substr(5) : source, 1U << 20U);
    return key.substr(0, key.find('\n'));
}

/// The file that ssh-copy-id(1) would take: the newest public key of this user.
std::string own_key() {
    const char* const home = std::getenv("HOME");
    const std::filesystem::path folder = std::filesystem::path(home != nullptr ? home : "/root") / ".ssh";
    std::error_code missing;
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
        const std::string name = entry.path().filename();
        const bool key = name.starts_with("id") && name.ends_with(".pub") && entry.is_regular_file();
        if (key && (newest.empty() || entry.last_write_time() > std::filesystem::last_write_time(newest))) {
            newest = entry.path();
        }
    }
    if (newest.empty()) {
        throw Error(
            Failure::usage,
            fmt::format("--ssh-inject names no key, and there is none like {}/id*.pub", folder.string()),
            "name it: --ssh-inject USER:FILE");
    }
    return newest;
}

/// Values of one option, each a list with commas.
std::vector<std::string> listed(const Arguments& arguments, std::string_view option) {
    std::vector<std::string> out;
    for (const std::string& text : arguments.all(option)) {
        std::istringstream parts(text);
        for (std::string part; std::getline(parts, part, ',');) {
            if (!part.empty()) {
                out.push_back(part);
            }
        }
    }
    return out;
}

/// As with virt-customize --run and --firstboot name a script of this host; a value that is not a file is a
/// shell line.
void add_commands(const Arguments& arguments, Json& options) {
    for (const std::string& text : arguments.all("run")) {
        options[std::filesystem::is_regular_file(text) ? "scripts" : "run"].push_back(text);
    }
    options["firstboot"] = arguments.all("firstboot-command");
    for (const std::string& text : arguments.all("firstboot")) {
        constexpr std::uintmax_t limit = 16U << 20U;
        options["firstboot"].push_back(std::filesystem::is_regular_file(text) ? read_file(text, limit)
                                                                              : text);
    }
}

/// --commands-from-file: "append-line /etc/x:text" per line, as the options without their dashes; empty lines
/// and lines after "#" do not count; a line that ends with a backslash goes on in the next one.
Arguments with_files(Arguments arguments) {
    static const std::set<std::string> flags{"update", "network", "no-network", "selinux-relabel"};
    for (const std::string& file : arguments.all("commands-from-file")) {
        std::istringstream lines(read_file(file, 1U << 20U));
        int number = 0;
        for (std::string line, more; std::getline(lines, line);) {
            ++number;
            while (line.ends_with('\\') && std::getline(lines, more)) {
                line = line.substr(0, line.size() - 1) + more;
                ++number;
            }
            const std::size_t start = line.find_first_not_of(" \t");
            if (start == std::string::npos || line[start] == '#') {
                continue;
            }
            const std::size_t end = std::min(line.size(), line.find_first_of(" \t", start));
            const std::string name = line.substr(start, end - start);
            const std::size_t value = std::min(line.size(), line.find_first_not_of(" \t", end));
            const Command command = customize_command();
            const bool known =
                std::any_of(command.options.begin(), command.options.end(),
                            [&](const Option& one) { return one.names.front() == "--" + name; });
            if (!known || (value == line.size() && !flags.contains(name))) {
                throw Error(Failure::usage,
                            fmt::format("{}:{}: '{}' {}", file, number, name,
                                        known ? "lacks its value" : "is not an option of customize"),
                            "one option per line, without its dashes");
            }
            arguments.values[name].push_back(line.substr(value));
        }
    }
    return arguments;
}

sysprep::CustomizeSpec spec_of(const Arguments& arguments) {
    Json options = {{"packages", listed(arguments, "install")},
                    {"remove", listed(arguments, "uninstall")},
                    {"run", arguments.all("run-command")},
                    {"scripts", arguments.all("script")},
                    {"firstboot-install", listed(arguments, "firstboot-install")},
                    {"update", arguments.has("update")},
                    {"selinux-relabel", arguments.has("selinux-relabel")}};
    for (const char* key : {"mkdir", "touch", "truncate", "truncate-recursive", "delete", "scrub"}) {
        options[key] = arguments.all(key);
    }
    for (const char* key : {"timezone", "locale", "hostname"}) {
        options[key] = arguments.get_or(key, "");
    }
    for (const char* key :
         {"upload", "copy-in", "write", "edit", "append-line", "copy", "move", "password"}) {
        for (const std::string& text : arguments.all(key)) {
            const auto [left, right] = halves(text, ':', fmt::format("--{}", key));
            options[key].push_back({{left, right}});
        }
    }
    for (const std::string& text : arguments.all("link")) {
        halves(text, ':', "--link");
        options["link"].push_back(text);
    }
    if (const auto crypto = arguments.get("password-crypto")) {
        options["password-crypto"] = *crypto;
    }
    if (const auto password = arguments.get("root-password")) {
        options["password"].push_back({{"root", *password}});
    }
    for (const std::string& text : arguments.all("chmod")) {
        const auto [mode, path] = halves(text, ':', "--chmod");
        options["chmod"].push_back({{path, mode}});
    }
    for (const std::string& text : arguments.all("chown")) {
        const std::size_t path = text.find(":/");
        if (path == std::string::npos || path == 0) {
            throw Error(Failure::usage, fmt::format("--chown: '{}' is not USER:GROUP:PATH", text));
        }
        options["chown"].push_back({{text.substr(path + 1), text.substr(0, path)}});
    }
    add_commands(arguments, options);
    for (const char* name : {"ssh-key", "ssh-inject"}) {
        for (const std::string& text : arguments.all(name)) {
            const bool own = text.find(':') == std::string::npos && !text.empty();
            const auto [user, source] =
                own ? std::pair(text, own_key()) : halves(text, ':', fmt::format("--{}", name));
            options["ssh-keys"][user].push_back(public_key(source));
        }
    }
    if (arguments.has("network") || arguments.has("no-network")) {
        options["network"] = !arguments.has("no-network");
    }
    return sysprep::customize_spec(options, {});
}

int run_customize(const Arguments& arguments, CommandContext& context) {
    const sysprep::ImageRequest request = image_request(arguments, context);
    const sysprep::CustomizeSpec spec = spec_of(with_files(arguments));
    std::string faults;
    for (const auto& [option, message] : sysprep::check_customize(spec)) {
        // A user's name or a word of ours, which is not the value of a key "password".
        never_redact(fmt::format("{}: {}", option.substr(1), message.substr(0, message.find(' '))));
        faults += fmt::format("{}--{}: {}", faults.empty() ? "" : "; ", option.substr(1), message);
    }
    if (!faults.empty()) {
        throw Error(Failure::usage, faults);
    }
    if (!sysprep::has_work(spec)) {
        throw Error(Failure::usage, "customize has nothing to do",
                    "name a change, for example --install PACKAGE; imgforge customize --help lists them");
    }
    if (arguments.has("dry-run")) {
        context.result({{"dry_run", true}, {"options", "valid"}},
                       fmt::format("the options are valid; {} was not opened", request.image.string()));
        return 0;
    }
    const std::filesystem::path logs = context.places.runs() / "customize-logs";
    const sysprep::CustomizeReport report =
        sysprep::customize_image(request, spec, logs, *context.processes, *context.monitor);
    std::string text;
    for (const std::string& step : report.steps) {
        text += step + "\n";
    }
    for (const auto& [user, password] : report.generated) {
        text += fmt::format("drawn for {}: {}\n", user, password);
    }
    context.result(report.to_json(), text + fmt::format("logs are in {}", logs.string()));
    return 0;
}

}  // namespace

Command customize_command() {
    return {
        .name = "customize",
        .group = "Images",
        .summary = "change packages, files and users in a disk image without booting it",
        .description =
            "Works on a copy in an appliance; on success the image is replaced in one step, or "
            "the result written to --output. Regardless of the order of the options, the order "
            "of the work is: packages (--update, --uninstall, --install), files (--mkdir, "
            "--upload, --copy-in, --write, --link, --copy, --move, --edit, --append-line, "
            "--touch, --truncate, --truncate-recursive, --chmod, --chown, --delete, --scrub), SSH "
            "keys, passwords, settings, "
            "commands (--run, --script), first boot. Options of the same name keep their order; "
            "for any other order, run it twice. Commands have network access only when packages "
            "are installed or updated, or with --network.",
        .positionals = {{.name = "IMAGE",
                         .help = "qcow2 or raw disk image",
                         .required = false,
                         .completes = Completes::file}},
        .options = customize_options(),
        .examples = {{"imgforge customize debian.qcow2 --install vim --timezone Europe/Berlin",
                      "a package and the time zone"},
                     {"imgforge customize debian.qcow2 --upload motd:/etc/motd --run 'touch /seen'",
                      "a file and a command"},
                     {"imgforge customize debian.qcow2 --edit '/etc/default/grub:s/quiet//'",
                      "a line changed; an error when none matches"},
                     {"imgforge customize debian.qcow2 --password root:random",
                      "generates a password and prints it"}},
        .run = run_customize,
    };
}

}  // namespace imgforge::cli
