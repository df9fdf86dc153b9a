// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "sysprep/customize/customize_image.hpp"

namespace imgforge::cli {

namespace {

/// "HOST:PATH" and the like, split at the first separator.
std::pair<std::string, std::string> halves(const std::string& text, char separator, std::string_view option) {
    const std::size_t at = text.find(separator);
    if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
        throw Error(Failure::usage, fmt::format("{} wants A{}B, not '{}'", option, separator, text));
    }
    return {text.substr(0, at), text.substr(at + 1)};
}

sysprep::CustomizeSpec spec_of(const Arguments& arguments) {
    Json options = {{"packages", arguments.all("install")}, {"remove", arguments.all("uninstall")},
                    {"mkdir", arguments.all("mkdir")},      {"run", arguments.all("run")},
                    {"scripts", arguments.all("script")},   {"firstboot", arguments.all("firstboot")},
                    {"update", arguments.has("update")}};
    for (const char* key : {"timezone", "locale", "hostname"}) {
        options[key] = arguments.get_or(key, "");
    }
    for (const char* key : {"upload", "write", "link", "edit"}) {
        for (const std::string& text : arguments.all(key)) {
            const auto [left, right] = halves(text, ':', fmt::format("--{}", key));
            options[key][left] = right;
        }
    }
    for (const std::string& text : arguments.all("ssh-key")) {
        const auto [user, file] = halves(text, ':', "--ssh-key");
        std::string key = read_file(file, 1U << 20U);
        options["ssh-keys"][user].push_back(key.substr(0, key.find('\n')));
    }
    if (arguments.has("network")) {
        options["network"] = true;
    }
    return sysprep::customize_spec(options, {});
}

int run_customize(const Arguments& arguments, CommandContext& context) {
    sysprep::ImageRequest request;
    request.image = *arguments.get("IMAGE");
    request.passphrase_file = arguments.get_or("passphrase-file", "");
    request.accelerator = stages::appliance_accelerator(context.settings, context.places, *context.processes);
    if (const auto format = arguments.get("format")) {
        request.format = image::parse_disk_format(*format);
    }
    if (const auto output = arguments.get("output")) {
        request.output = *output;
    }
    const sysprep::CustomizeSpec spec = spec_of(arguments);
    std::string faults;
    for (const auto& [option, message] : sysprep::check_customize(spec)) {
        faults += fmt::format("{}--{}: {}", faults.empty() ? "" : "; ", option.substr(1), message);
    }
    if (!faults.empty()) {
        throw Error(Failure::usage, faults);
    }
    const std::filesystem::path logs = context.places.runs() / "customize-logs";
    const sysprep::CustomizeReport report =
        sysprep::customize_image(request, spec, logs, *context.processes, *context.monitor);
    std::string text;
    for (const std::string& step : report.steps) {
        text += step + "\n";
    }
    context.result(report.to_json(), text + fmt::format("logs are in {}", logs.string()));
    return 0;
}

}  // namespace

Command customize_command() {
    return {
        .name = "customize",
        .group = "Images",
        .summary = "packages, files, users, commands in a disk image, not booted",
        .description =
            "Works in an appliance on a copy; the image is replaced in one step when everything went well, "
            "or written to --output. "
            "Whatever the order of the options, the order of the work is: packages (--update, --uninstall, "
            "--install), files (--mkdir, "
            "--upload, --write, --link, --edit), SSH keys, settings, commands (--run, --script). Run it "
            "twice for another order. Commands "
            "have network only when packages are installed or updated, or with --network.",
        .positionals = {{.name = "IMAGE", .help = "qcow2 or raw disk image", .completes = Completes::file}},
        .options =
            {
                {.names = {"--install"}, .value = "PACKAGE", .help = "install a package", .repeatable = true},
                {.names = {"--uninstall"},
                 .value = "PACKAGE",
                 .help = "remove a package with its settings",
                 .repeatable = true},
                {.names = {"--update"}, .help = "upgrade all packages"},
                {.names = {"--upload"},
                 .value = "FILE:PATH",
                 .help = "copy a file or folder of this host into the guest",
                 .repeatable = true},
                {.names = {"--write"},
                 .value = "PATH:CONTENT",
                 .help = "write a file in the guest",
                 .repeatable = true},
                {.names = {"--mkdir"}, .value = "PATH", .help = "make a folder", .repeatable = true},
                {.names = {"--link"},
                 .value = "PATH:TARGET",
                 .help = "make a symbolic link",
                 .repeatable = true},
                {.names = {"--edit"},
                 .value = "PATH:s/A/B/",
                 .help = "replace a pattern in every line of a file",
                 .repeatable = true},
                {.names = {"--run"},
                 .value = "COMMAND",
                 .help = "run a shell line in the guest",
                 .repeatable = true},
                {.names = {"--script"},
                 .value = "FILE",
                 .help = "run a script of this host in the guest",
                 .repeatable = true,
                 .completes = Completes::file},
                {.names = {"--firstboot"},
                 .value = "COMMAND",
                 .help = "every clone runs this once at its first boot",
                 .repeatable = true},
                {.names = {"--ssh-key"},
                 .value = "USER:FILE",
                 .help = "public key for an existing user",
                 .repeatable = true},
                {.names = {"--timezone"}, .value = "ZONE", .help = "such as Europe/Berlin"},
                {.names = {"--locale"}, .value = "LOCALE", .help = "such as en_US.UTF-8"},
                {.names = {"--hostname"}, .value = "NAME", .help = "a name that all clones start with"},
                {.names = {"--network"}, .help = "give the commands network"},
                {.names = {"--output", "-o"},
                 .value = "FILE",
                 .help = "write the result here and leave IMAGE alone",
                 .completes = Completes::file},
                {.names = {"--format"},
                 .value = "FORMAT",
                 .help = "format of IMAGE",
                 .choices = {"qcow2", "raw"},
                 .completes = Completes::choice},
                {.names = {"--passphrase-file"},
                 .value = "FILE",
                 .help = "passphrase of encrypted volumes",
                 .completes = Completes::file},
            },
        .examples = {{"imgforge customize debian.qcow2 --install vim --timezone Europe/Berlin",
                      "a package and the time zone"},
                     {"imgforge customize debian.qcow2 --upload motd:/etc/motd --run 'touch /seen'",
                      "a file and a command"}},
        .run = run_customize,
    };
}

}  // namespace imgforge::cli
