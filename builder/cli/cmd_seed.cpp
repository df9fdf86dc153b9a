// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/output_file.hpp"
#include "builder/base/redact.hpp"
#include "builder/cli/commands.hpp"
#include "seeds/passwords.hpp"
#include "seeds/seed.hpp"
#include "seeds/seed_reader.hpp"
#include "seeds/ssh_keys.hpp"
#include "seeds/text.hpp"

namespace imgforge::cli {
namespace {

constexpr std::uintmax_t largest_input = 16U << 20U;

std::optional<std::string> file_of(const Arguments& arguments, std::string_view option) {
    const auto path = arguments.get(option);
    return path ? std::optional(read_file(*path, largest_input)) : std::nullopt;
}

std::string password_hash(const std::string& path) {
    const std::string text = read_file(path == "-" ? "/dev/stdin" : path, 4096);
    return seeds::hash_password(seeds::trimmed(text));
}

/// --user makes a login of that name beside the image's own; keys and password go to it, else to the image's
/// own user.
void add_login(const Arguments& arguments, seeds::SeedSpec& spec) {
    std::vector<std::string> keys;
    for (const std::string& file : arguments.all("ssh-key")) {
        const auto more = seeds::read_public_keys(file);
        keys.insert(keys.end(), more.begin(), more.end());
    }
    const auto name = arguments.get("user");
    const auto password = arguments.get("password-file");
    if (!name) {
        if (password) {
            throw Error(Failure::usage, "--password-file needs --user",
                        "name the login that gets the password");
        }
        spec.ssh_keys = keys;
        return;
    }
    spec.users.push_back({.name = *name,
                          .sudo = true,
                          .ssh_keys = keys,
                          .password_hash = password ? password_hash(*password) : std::string()});
}

seeds::SeedSpec spec_of(const Arguments& arguments) {
    seeds::SeedSpec spec{.datasource = seeds::parse_datasource(arguments.get_or("datasource", "nocloud"))};
    spec.instance_id = arguments.get_or("instance-id", "");
    spec.hostname = arguments.get_or("hostname", arguments.get_or("name", ""));
    spec.fqdn = arguments.get_or("fqdn", "");
    spec.locale = arguments.get_or("locale", "");
    spec.timezone = arguments.get_or("timezone", "");
    spec.keyboard = arguments.get_or("keyboard", "");
    spec.packages = arguments.all("package");
    spec.commands = arguments.all("run");
    if (arguments.has("host-keys")) {
        spec.host_keys = seeds::make_host_keys();
    }
    add_login(arguments, spec);
    spec.user_data = file_of(arguments, "user-data");
    spec.vendor_data = file_of(arguments, "vendor-data");
    spec.network_config = file_of(arguments, "network-config");
    spec.user_data_name = arguments.get_or("user-data", spec.user_data_name);
    spec.vendor_data_name = arguments.get_or("vendor-data", spec.vendor_data_name);
    spec.network_config_name = arguments.get_or("network-config", spec.network_config_name);
    spec.verbatim = arguments.has("verbatim");
    return spec;
}

std::filesystem::path output_of(const Arguments& arguments, const std::string& format) {
    if (const auto given = arguments.get("output")) {
        return *given;
    }
    const std::string name = arguments.get_or("name", arguments.get_or("hostname", "seed"));
    return format == "dir" ? name + "-seed" : format == "vfat" ? name + "-seed.img" : name + "-seed.iso";
}

/// Whole or not at all, but not flushed to the disk: nothing refers to the file yet, and flushing takes
/// longer than all the rest.
void write_unflushed(const std::filesystem::path& path, std::string_view bytes) {
    OutputFile file(path, OutputFile::Existing::replace, 0600);
    file.write(bytes);
    file.commit(false);
}

/// Refuses what must not be replaced before anything is made. A directory is written into, never removed:
/// what else is in it belongs to somebody.
void check_output(const std::filesystem::path& output, const std::string& format, bool force) {
    constexpr std::string_view hint = "add --force to replace it, or name another with --output";
    std::error_code code;
    if (format != "dir") {
        const OutputFile checked(output, force ? OutputFile::Existing::replace : OutputFile::Existing::refuse,
                                 0600, hint);
    } else if (std::filesystem::exists(output, code) && !std::filesystem::is_directory(output, code)) {
        throw Error(Failure::usage,
                    fmt::format("'{}' is not a directory; it is never replaced", output.string()),
                    "name a directory with --output");
    }
}

/// Files of a seed that stands in the directory already and would be replaced, or mixed with the new one.
void settle_directory(const seeds::SeedFiles& files, const std::filesystem::path& output, bool force) {
    for (const char* name : {"user-data", "meta-data", "vendor-data", "network-config"}) {
        const std::filesystem::path file = output / name;
        const std::filesystem::file_status status = std::filesystem::symlink_status(file);
        if (!std::filesystem::exists(status)) {
            continue;
        }
        if (!force) {
            throw Error(Failure::usage, fmt::format("{} exists already", file.string()),
                        "add --force to replace the seed in that directory; other files in it stay");
        }
        if (files.count(name) == 0 && std::filesystem::is_regular_file(status)) {
            std::filesystem::remove(file);
        }
    }
}

void write_seed(const seeds::SeedFiles& files, std::string_view label, const std::string& format,
                const std::filesystem::path& output) {
    if (format == "dir") {
        seeds::write_seed_dir(files, output);
        return;
    }
    const std::int64_t epoch = seeds::reproducible_time();
    write_unflushed(output, format == "vfat" ? seeds::seed_vfat(files, label, epoch)
                                             : seeds::seed_iso(files, label, epoch));
}

int create(const Arguments& arguments, CommandContext& context) {
    const std::string format = arguments.get_or("format", "iso");
    const std::filesystem::path output = output_of(arguments, format);
    check_output(output, format, arguments.has("force"));
    seeds::SeedSpec spec = spec_of(arguments);
    if (spec.instance_id.empty()) {
        spec.instance_id = seeds::fresh_instance_id();
    }
    Diagnostics warnings;
    const seeds::SeedFiles files = seeds::seed_files(spec, warnings);
    if (!warnings.empty()) {
        write_all(2, redact(warnings.text()) + "\n", "standard error");
    }
    if (format == "dir") {
        settle_directory(files, output, arguments.has("force"));
    }
    const std::string_view label = seeds::volume_label(spec.datasource);
    write_seed(files, label, format, output);
    const std::string text = fmt::format(
        "{}\n  {} seed with label {}, instance {}\n  {} files; attach it as a read-only virtio disk\n",
        output.string(), seeds::to_string(spec.datasource), label, spec.instance_id, files.size());
    Json record;
    if (context
            .json) {  // digests are made only for those who read them: loading OpenSSL's providers takes 2 ms
        record = seeds::seed_record({.datasource = std::string(seeds::to_string(spec.datasource)),
                                     .label = std::string(label),
                                     .files = files});
        record["path"] = std::filesystem::absolute(output).string();
        record["format"] = format;
        record["instance_id"] = spec.instance_id;
        record["problems"] = warnings.to_json();
    }
    context.result(record, text);
    return 0;
}

std::string shown(const std::string& bytes, bool secrets) {
    const std::string text = secrets ? bytes : redact(bytes);
    std::string out;
    for (const std::string_view line : seeds::lines_of(text)) {
        out += "    ";
        for (const char c : line) {
            // A foreign seed must not steer the terminal.
            out.push_back(static_cast<unsigned char>(c) < 0x20 && c != '\t' ? '?' : c);
        }
        out.push_back('\n');
    }
    return out;
}

int inspect(const Arguments& arguments, CommandContext& context) {
    const seeds::FoundSeed seed = seeds::read_seed(arguments.get_or("ISO", ""));
    const bool secrets = arguments.has("show-secrets");
    const bool contents = arguments.has("contents") || secrets;
    Json record = seeds::seed_record(seed);
    std::string text = fmt::format("datasource  {}\nlabel       {}\n", seed.datasource,
                                   seed.label.empty() ? "(none)" : seed.label);
    for (Json& file : record["files"]) {
        const std::string path = file["path"];
        const std::string& bytes = seed.files.at(path);
        text += fmt::format("{}  {}, sha256 {}\n", shown(path, true).substr(4, path.size()),
                            ByteSize::bytes(bytes.size()).text(), file["sha256"].get<std::string>());
        if (contents) {
            text += shown(bytes, secrets);
            file["content"] = secrets ? bytes : redact(bytes);
        }
    }
    text += seed.problems.empty() ? "no problems\n" : seed.problems.text() + "\n";
    context.result(record, text);
    return 0;
}

}  // namespace

Command seed_create_command() {
    return {
        .name = "seed create",
        .group = "Tools",
        .summary = "write the medium a cloud-init guest reads at its first boot",
        .description =
            "Writes a NoCloud or ConfigDrive medium. What is given by options is merged with the file of "
            "--user-data: lists are joined, "
            "on other keys the file stands. The files are checked first, with line numbers; unknown keys are "
            "warnings.\n\n"
            "The same inputs and the same --instance-id give the same bytes; the time in the image is "
            "SOURCE_DATE_EPOCH or 2020-01-01. "
            "The file gets mode 0600. Attach it as a read-only virtio disk: cloud kernels have no SATA "
            "driver.",
        .options = {{.names = {"--name"},
                     .value = "NAME",
                     .help = "name of the machine; also the host name unless --hostname says otherwise"},
                    {.names = {"--instance-id"},
                     .value = "ID",
                     .help = "identity of the instance; default: a fresh one"},
                    {.names = {"--hostname"}, .value = "NAME", .help = "host name of the guest"},
                    {.names = {"--fqdn"}, .value = "NAME", .help = "fully qualified name of the guest"},
                    {.names = {"--user"},
                     .value = "NAME",
                     .help = "make this login, with sudo, beside the image's own"},
                    {.names = {"--ssh-key"},
                     .value = "FILE",
                     .help = "public keys that may log in",
                     .repeatable = true,
                     .completes = Completes::file},
                    {.names = {"--password-file"},
                     .value = "FILE",
                     .help = "file with the password of --user, - for stdin; stored as yescrypt hash",
                     .completes = Completes::file},
                    {.names = {"--locale"}, .value = "LOCALE", .help = "locale, such as de_DE.UTF-8"},
                    {.names = {"--timezone"}, .value = "ZONE", .help = "time zone, such as Europe/Berlin"},
                    {.names = {"--keyboard"}, .value = "LAYOUT", .help = "keyboard layout"},
                    {.names = {"--package"},
                     .value = "NAME",
                     .help = "package to install at first boot",
                     .repeatable = true},
                    {.names = {"--run"},
                     .value = "COMMAND",
                     .help = "shell command run at the end of the first boot",
                     .repeatable = true},
                    {.names = {"--host-keys"}, .help = "make the guest's SSH host keys here"},
                    {.names = {"--user-data"},
                     .value = "FILE",
                     .help = "cloud-config, script, MIME, jinja or gzip of these",
                     .completes = Completes::file},
                    {.names = {"--vendor-data"},
                     .value = "FILE",
                     .help = "defaults below user-data",
                     .completes = Completes::file},
                    {.names = {"--network-config"},
                     .value = "FILE",
                     .help = "network configuration, version 1 or 2",
                     .completes = Completes::file},
                    {.names = {"--verbatim"}, .help = "take --user-data byte for byte"},
                    {.names = {"--datasource"},
                     .value = "KIND",
                     .help = "nocloud (default) or configdrive",
                     .choices = {"nocloud", "configdrive"},
                     .completes = Completes::choice},
                    {.names = {"--format"},
                     .value = "FORMAT",
                     .help = "iso (default), vfat or dir",
                     .choices = {"iso", "vfat", "dir"},
                     .completes = Completes::choice},
                    {.names = {"--output", "-o"},
                     .value = "PATH",
                     .help = "what to write; default: NAME-seed.iso",
                     .completes = Completes::file},
                    {.names = {"--force"}, .help = "replace an existing file"}},
        .examples = {{"imgforge seed create --name web-1 --ssh-key ~/.ssh/id_ed25519.pub",
                      "a NoCloud seed in web-1-seed.iso"}},
        .run = create};
}

Command seed_inspect_command() {
    return {.name = "seed inspect",
            .group = "Tools",
            .summary = "read a seed back and say what is wrong with it",
            .description =
                "Reads an ISO image or a folder, made by any program. Passwords, hashes and private keys are "
                "masked.",
            .positionals = {{.name = "ISO", .help = "the image, or a folder", .completes = Completes::file}},
            .options = {{.names = {"--contents"}, .help = "also show what is in the files, secrets masked"},
                        {.names = {"--show-secrets"}, .help = "show what is in the files, secrets too"}},
            .examples = {{"imgforge seed inspect web-1-seed.iso", "datasource, label, files and problems"}},
            .run = inspect};
}

}  // namespace imgforge::cli
