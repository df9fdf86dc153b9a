// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/seed_options.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "seeds/passwords.hpp"
#include "seeds/seed_nics.hpp"
#include "seeds/ssh_keys.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::cli {
namespace {

constexpr std::uintmax_t largest_input = 16U << 20U;

/// Files named on the command line; standard input can be one of them only.
class Inputs {
public:
    std::string read(const std::string& path, std::uintmax_t limit = largest_input) {
        if (path != "-") {
            return read_file(path, limit);
        }
        if (used_) {
            throw Error(Failure::usage, "standard input is named twice", "give one of the files by its name");
        }
        used_ = true;
        return read_file("/dev/stdin", limit);
    }
    std::optional<std::string> optional(const Arguments& arguments, std::string_view option) {
        const auto path = arguments.get(option);
        return path ? std::optional(read(*path)) : std::nullopt;
    }

private:
    bool used_ = false;
};

std::string shown_name(const std::string& path) {
    return path == "-" ? "standard input" : path;
}

/// The hash of --password-hash, or of the file's first line: itself when it is a crypt(5) hash already.
std::string password_hash(const Arguments& arguments, Inputs& inputs) {
    if (const auto hash = arguments.get("password-hash")) {
        if (arguments.has("password-file")) {
            throw Error(Failure::usage, "--password-hash and --password-file are mutually exclusive",
                        "give one of them");
        }
        remember_secret(*hash);
        return *hash;
    }
    const auto path = arguments.get("password-file");
    if (!path) {
        return {};
    }
    const std::string text(seeds::trimmed(inputs.read(*path, 4096)));
    const bool ready = text.starts_with('$') && !seeds::password_hash_fault(text);
    remember_secret(text);
    const auto word = arguments.get("for");
    const bool yescrypt = word && seeds::guest_named(*word).yescrypt;
    return ready ? text : seeds::hash_password(text, yescrypt ? "$y$" : "$6$");
}

/// --user makes a login of that name beside the image's own; keys and password go to it, else to the image's
/// own user.
void add_login(const Arguments& arguments, Inputs& inputs, seeds::SeedSpec& spec, Diagnostics& warnings) {
    std::vector<std::string> keys;
    for (const std::string& file : arguments.all("ssh-key")) {
        const auto more = seeds::public_keys_of(inputs.read(file, 1U << 20U), shown_name(file), warnings);
        keys.insert(keys.end(), more.begin(), more.end());
    }
    const auto name = arguments.get("user");
    if (!name) {
        for (const char* const option : {"password-file", "password-hash", "shell", "groups"}) {
            if (arguments.has(option)) {
                throw Error(Failure::usage, fmt::format("--{} needs --user", option), "name the login");
            }
        }
        spec.ssh_keys = keys;
        spec.ssh_import_ids = arguments.all("ssh-import-id");
        return;
    }
    seeds::SeedUser user{.name = *name,
                         .sudo = true,
                         .ssh_keys = keys,
                         .password_hash = password_hash(arguments, inputs),
                         .ssh_import_ids = arguments.all("ssh-import-id")};
    user.shell = arguments.get_or("shell", user.shell);
    for (const std::string& list : arguments.all("groups")) {
        for (const std::string& group : seeds::split_list(list)) {
            user.groups.push_back(group);
        }
    }
    spec.users.push_back(std::move(user));
}

/// FILE or FILE:TYPE. A colon belongs to the name when a file of the whole name exists.
seeds::SeedPart user_part(const std::string& text, Inputs& inputs) {
    static const std::map<std::string, std::string> short_types{
        {"cloud-config", "text/cloud-config"},
        {"shellscript", "text/x-shellscript"},
        {"script", "text/x-shellscript"},
        {"boothook", "text/cloud-boothook"},
        {"jinja2", "text/jinja2"},
        {"part-handler", "text/part-handler"},
        {"include", "text/x-include-url"},
        {"cloud-config-archive", "text/cloud-config-archive"},
        {"jsonp", "text/cloud-config-jsonp"}};
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || std::filesystem::exists(text)) {
        return {.bytes = inputs.read(text), .name = shown_name(text)};
    }
    const std::string word = text.substr(colon + 1);
    const auto known = short_types.find(word);
    const std::string type = known != short_types.end() ? known->second : word;
    const bool scheduled = type.starts_with("text/x-shellscript-per-");
    if (seeds::kind_of_type(type) == seeds::UserDataKind::unknown && !scheduled) {
        throw Error(Failure::usage, fmt::format("'{}' is not a type of user-data", word),
                    "use FILE:script, FILE:cloud-config, FILE:jinja2 or a MIME type such as "
                    "FILE:text/x-shellscript-per-boot");
    }
    return {
        .bytes = inputs.read(text.substr(0, colon)), .name = shown_name(text.substr(0, colon)), .type = type};
}

void add_user_data(const Arguments& arguments, Inputs& inputs, seeds::SeedSpec& spec) {
    for (const std::string& text : arguments.all("user-data")) {
        seeds::SeedPart part = user_part(text, inputs);
        if (!spec.user_data && part.type.empty()) {
            spec.user_data = std::move(part.bytes);
            spec.user_data_name = part.name;
        } else {
            spec.more_user_data.push_back(std::move(part));
        }
    }
}

/// HOST:GUEST[:MODE]
void add_files(const Arguments& arguments, Inputs& inputs, seeds::SeedSpec& spec) {
    for (const std::string& text : arguments.all("write")) {
        const std::size_t colon = text.find(":/");
        if (colon == std::string::npos || colon == 0) {
            throw Error(Failure::usage, fmt::format("--write {} names no path in the guest", text),
                        "--write motd:/etc/motd, or with permissions run.sh:/usr/local/bin/run:0755");
        }
        std::string guest = text.substr(colon + 1);
        seeds::SeedFile file;
        if (const std::size_t mode = guest.rfind(':'); mode != std::string::npos) {
            file.permissions = guest.substr(mode + 1);
            guest.resize(mode);
        }
        file.path = guest;
        file.content = inputs.read(text.substr(0, colon));
        spec.files.push_back(std::move(file));
    }
}

void add_names(const Arguments& arguments, seeds::SeedSpec& spec) {
    spec.hostname = arguments.get_or("hostname", arguments.get_or("name", ""));
    spec.fqdn = arguments.get_or("fqdn", "");
    const std::size_t dot = spec.hostname.find('.');
    if (dot != std::string::npos && dot > 0 && spec.fqdn.empty()) {
        spec.fqdn = spec.hostname;
        spec.hostname.resize(dot);
    }
}

void add_choices(const Arguments& arguments, seeds::SeedSpec& spec) {
    spec.verbatim = arguments.has("verbatim");
    spec.checks = arguments.has("no-check") ? seeds::SeedChecks::none
                  : spec.verbatim           ? seeds::SeedChecks::warn
                                            : seeds::SeedChecks::refuse;
    if (const auto guest = arguments.get("for")) {
        spec.guest = seeds::guest_named(*guest);
    }
    std::vector<seeds::SeedNic> nics;
    for (const std::string& text : arguments.all("nic")) {
        nics.push_back(seeds::parse_nic(text, nics.size()));
    }
    if (!nics.empty() && arguments.has("network-config")) {
        throw Error(Failure::usage, "--nic and --network-config are mutually exclusive",
                    "describe the cards in one of them");
    }
    if (!nics.empty()) {
        spec.network =
            spec.datasource == seeds::Datasource::nocloud ? seeds::network_v1(nics) : seeds::network_v2(nics);
    }
}

Option file_option(std::string name, std::string help, bool repeatable = false) {
    return {.names = {"--" + std::move(name)},
            .value = "FILE",
            .help = std::move(help),
            .repeatable = repeatable,
            .completes = Completes::file};
}

Option word_option(std::string name, std::string value, std::string help, bool repeatable = false) {
    return {.names = {"--" + std::move(name)},
            .value = std::move(value),
            .help = std::move(help),
            .repeatable = repeatable};
}

}  // namespace

seeds::SeedSpec seed_spec(const Arguments& arguments, Diagnostics& warnings) {
    seeds::SeedSpec spec{.datasource = seeds::parse_datasource(arguments.get_or("datasource", "nocloud"))};
    Inputs inputs;
    spec.instance_id = arguments.get_or("instance-id", "");
    add_names(arguments, spec);
    spec.locale = arguments.get_or("locale", "");
    spec.timezone = arguments.get_or("timezone", "");
    spec.keyboard = arguments.get_or("keyboard", "");
    spec.packages = arguments.all("package");
    spec.commands = arguments.all("run");
    spec.phone_home = arguments.get_or("phone-home", "");
    spec.dsmode = arguments.get_or("dsmode", "");
    if (arguments.has("host-keys")) {
        spec.host_keys = seeds::make_host_keys();
    }
    add_choices(arguments, spec);
    add_login(arguments, inputs, spec, warnings);
    add_user_data(arguments, inputs, spec);
    add_files(arguments, inputs, spec);
    spec.meta_data = inputs.optional(arguments, "meta-data");
    spec.vendor_data = inputs.optional(arguments, "vendor-data");
    spec.network_config = inputs.optional(arguments, "network-config");
    spec.meta_data_name = shown_name(arguments.get_or("meta-data", spec.meta_data_name));
    spec.vendor_data_name = shown_name(arguments.get_or("vendor-data", spec.vendor_data_name));
    spec.network_config_name = shown_name(arguments.get_or("network-config", spec.network_config_name));
    return spec;
}

std::vector<Option> seed_options() {
    return {
        word_option("name", "NAME",
                    "name of the machine; also the host name unless --hostname says otherwise"),
        word_option("instance-id", "ID", "identity of the instance; default: a fresh one"),
        word_option("hostname", "NAME", "host name of the guest, with its domain or without"),
        word_option("fqdn", "NAME", "fully qualified name of the guest"),
        word_option("user", "NAME", "create this login, with sudo, in addition to the image's own"),
        word_option("shell", "PATH", "login shell of --user; default: /bin/bash"),
        word_option("groups", "LIST", "additional groups of --user, separated by commas", true),
        file_option("ssh-key",
                    "public keys that may log in; an invalid line is skipped with a "
                    "warning",
                    true),
        word_option("ssh-import-id", "ID", "let the guest fetch the keys of gh:NAME or lp:NAME", true),
        file_option("password-file", "file with the password of --user or its crypt(5) hash, - for stdin"),
        word_option("password-hash", "HASH", "crypt(5) hash of the password of --user"),
        word_option("locale", "LOCALE", "locale, such as de_DE.UTF-8"),
        word_option("timezone", "ZONE", "time zone, such as Europe/Berlin"),
        word_option("keyboard", "LAYOUT", "keyboard layout"),
        word_option("package", "NAME", "package to install at first boot", true),
        word_option("write", "HOST:GUEST[:MODE]", "write a file of this host into the guest", true),
        word_option("run", "COMMAND", "shell command run at the end of the first boot", true),
        word_option("phone-home", "URL", "let the guest post its keys and name there when it is ready"),
        {.names = {"--host-keys"}, .help = "generate the guest's SSH host keys here"},
        word_option("nic", "MAC[,KEY=VALUE…]",
                    "a network card: name=lan0, ip=192.0.2.5/24, gw=192.0.2.1, dns=192.0.2.53, search=…, "
                    "mtu=9000, dhcp6; without ip it asks for DHCP",
                    true),
        file_option("network-config", "network configuration, version 1 or 2"),
        {.names = {"--user-data"},
         .value = "FILE[:TYPE]",
         .help = "cloud-config, script, MIME, jinja, archive or gzip of these, - for stdin; several become "
                 "parts in their order",
         .repeatable = true,
         .completes = Completes::file},
        file_option("meta-data", "NoCloud meta-data; missing keys are added"),
        file_option("vendor-data", "defaults below user-data"),
        {.names = {"--dsmode"},
         .value = "MODE",
         .help = "when cloud-init takes the seed: local, net or pass",
         .choices = {"local", "net", "pass"},
         .completes = Completes::choice},
        {.names = {"--verbatim"}, .help = "use --user-data byte for byte; errors in it become warnings"},
        {.names = {"--no-check"}, .help = "do not check the contents of the files"},
        word_option("for", "GUEST",
                    "check as the cloud-init of debian12, ubuntu2404 … or of a version such as "
                    "22.4 would; default: the newest"),
    };
}

}  // namespace imgforge::cli
