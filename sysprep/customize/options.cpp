// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <filesystem>
#include <regex>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/time_zone.hpp"
#include "sysprep/customize/customize.hpp"
#include "sysprep/customize/passwords.hpp"

namespace imgforge::sysprep {

namespace {

std::vector<std::string> strings(const Json& options, const char* key) {
    return options.contains(key) ? options.at(key).get<std::vector<std::string>>()
                                 : std::vector<std::string>();
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// A map, or, where order matters or a key comes twice, a list of maps and of "KEY:VALUE".
Pairs pairs(const Json& options, const char* key) {
    Pairs out;
    const auto add_map = [&](const Json& map) {
        for (const auto& [name, value] : map.items()) {
            out.emplace_back(name, value.get<std::string>());
        }
    };
    const Json list = options.value(key, Json::array());
    if (list.is_object()) {
        add_map(list);
        return out;
    }
    for (const Json& entry : list) {
        if (entry.is_object()) {
            add_map(entry);
            continue;
        }
        const std::string text = entry.get<std::string>();
        const std::size_t colon = std::min(text.size(), text.find(':'));
        out.emplace_back(text.substr(0, colon), text.substr(std::min(text.size(), colon + 1)));
    }
    return out;
}

/// A map of links to their targets, or a list of virt-customize's "TARGET:LINK[:LINK…]".
Pairs links(const Json& options) {
    if (!options.contains("link") || options.at("link").is_object()) {
        return pairs(options, "link");
    }
    Pairs out;
    for (const std::string& text : strings(options, "link")) {
        std::size_t colon = text.find(':');
        const std::string target = text.substr(0, colon);
        if (colon == std::string::npos) {
            out.emplace_back("", target);  // check_customize() refuses it
        }
        while (colon != std::string::npos) {
            const std::size_t next = text.find(':', colon + 1);
            out.emplace_back(text.substr(colon + 1, next - colon - 1), target);
            colon = next;
        }
    }
    return out;
}

FileSteps file_steps(const Json& options) {
    FileSteps steps;
    steps.copy = pairs(options, "copy");
    steps.move = pairs(options, "move");
    steps.edit = pairs(options, "edit");
    steps.append_line = pairs(options, "append-line");
    steps.touch = strings(options, "touch");
    steps.truncate = strings(options, "truncate");
    steps.truncate_recursive = strings(options, "truncate-recursive");
    steps.chmod = pairs(options, "chmod");
    steps.chown = pairs(options, "chown");
    steps.erase = strings(options, "delete");
    steps.scrub = strings(options, "scrub");
    return steps;
}

UserSpec user_of(const Json& json) {
    UserSpec user;
    user.name = json.at("name");
    user.shell = json.value("shell", user.shell);
    user.groups = strings(json, "groups");
    user.ssh_keys = strings(json, "ssh-keys");
    user.password_hash = json.value("password-hash", "");
    user.sudo = json.value("sudo", false);
    user.system = json.value("system", false);
    return user;
}

/// A hash that does not exist is an error also where no password is given as text, and is reported once.
Pairs check_passwords(const CustomizeSpec& spec) {
    Pairs faults;
    std::string crypto = spec.password_crypto;
    try {
        check_crypto(crypto);
    } catch (const Error& error) {
        faults.emplace_back("/password-crypto", fmt::format("{}: {}", error.message(), error.hint()));
        crypto = CustomizeSpec().password_crypto;
    }
    for (const auto& [user, change] : spec.passwords) {
        try {
            parse_password(change, spec.folder, crypto);
        } catch (const Error& error) {
            faults.emplace_back("/password", fmt::format("{}: {}", user, error.message()));
        }
    }
    return faults;
}

bool is_guest_path(const std::string& path) {
    return path.starts_with("/") && path.find("/../") == std::string::npos && !path.ends_with("/..");
}

}  // namespace

CustomizeSpec customize_spec(const Json& options, const std::filesystem::path& folder) {
    CustomizeSpec spec;
    spec.update = options.value("update", false);
    spec.install = strings(options, "packages");
    spec.remove = strings(options, "remove");
    for (const auto& [host, path] : pairs(options, "upload")) {
        spec.upload.emplace_back(folder / host, path);
    }
    for (const auto& [host, path] : pairs(options, "copy-in")) {
        spec.upload.emplace_back(folder / host,
                                 guest::join_path(path, std::filesystem::path(host).filename().string()));
    }
    spec.write = pairs(options, "write");
    spec.mkdir = strings(options, "mkdir");
    spec.link = links(options);
    spec.files = file_steps(options);
    spec.passwords = pairs(options, "password");
    spec.password_crypto = options.value("password-crypto", spec.password_crypto);
    spec.folder = folder;
    spec.firstboot_install = strings(options, "firstboot-install");
    spec.selinux_relabel = options.value("selinux-relabel", false);
    for (const Json& user : options.value("users", Json::array())) {
        spec.users.push_back(user_of(user));
    }
    const Json keys = options.value("ssh-keys", Json::object());
    for (const auto& [user, list] : keys.items()) {
        spec.ssh_keys[user] = list.get<std::vector<std::string>>();
    }
    spec.timezone = options.value("timezone", "");
    spec.locale = options.value("locale", "");
    spec.hostname = options.value("hostname", "");
    spec.run = strings(options, "run");
    for (const std::string& script : strings(options, "scripts")) {
        spec.run_scripts.push_back(folder / script);
    }
    spec.firstboot = strings(options, "firstboot");
    spec.network = options.value("network", spec.update || !spec.install.empty());
    if (options.contains("timeout")) {
        spec.timeout = parse_duration(options.at("timeout").get<std::string>());
    }
    return spec;
}

bool has_work(const CustomizeSpec& spec) {
    const bool packages = spec.update || !spec.install.empty() || !spec.remove.empty();
    const bool files = !spec.upload.empty() || !spec.write.empty() || !spec.mkdir.empty() ||
                       !spec.link.empty() || !spec.files.empty();
    const bool accounts = !spec.users.empty() || !spec.ssh_keys.empty() || !spec.passwords.empty();
    const bool words = !spec.timezone.empty() || !spec.locale.empty() || !spec.hostname.empty();
    const bool commands = !spec.run.empty() || !spec.run_scripts.empty() || !spec.firstboot.empty() ||
                          !spec.firstboot_install.empty();
    return packages || files || accounts || words || commands || spec.selinux_relabel;
}

std::vector<std::pair<std::string, std::string>> check_customize(const CustomizeSpec& spec) {
    std::vector<std::pair<std::string, std::string>> faults;
    for (const auto& [host, path] : spec.upload) {
        if (!std::filesystem::exists(host)) {
            faults.emplace_back("/upload", fmt::format("{} does not exist", host.string()));
        }
        if (!is_guest_path(path)) {
            faults.emplace_back("/upload", fmt::format("'{}' is not an absolute path", path));
        }
    }
    for (const auto& script : spec.run_scripts) {
        if (!std::filesystem::is_regular_file(script)) {
            faults.emplace_back("/scripts", fmt::format("{} does not exist", script.string()));
        }
    }
    const auto check_paths = [&](const std::vector<std::pair<std::string, std::string>>& list,
                                 const char* pointer) {
        for (const auto& entry : list) {
            if (!is_guest_path(entry.first)) {
                faults.emplace_back(pointer, fmt::format("'{}' is not an absolute path", entry.first));
            }
        }
    };
    if (!spec.timezone.empty() && !is_time_zone(spec.timezone)) {
        faults.emplace_back("/timezone", fmt::format("unknown time zone '{}'", spec.timezone));
    }
    check_paths(spec.write, "/write");
    check_paths(spec.link, "/link");
    const auto more = check_file_steps(spec.files);
    faults.insert(faults.end(), more.begin(), more.end());
    const auto passwords = check_passwords(spec);
    faults.insert(faults.end(), passwords.begin(), passwords.end());
    static const std::regex user_name("[a-z_][a-z0-9_-]{0,31}");
    for (const UserSpec& user : spec.users) {
        if (!std::regex_match(user.name, user_name)) {
            faults.emplace_back("/users", fmt::format("invalid user name '{}'", user.name));
        }
    }
    return faults;
}

const Json& customize_schema() {
    static const Json schema = Json::parse(
        R"json({
        "type": "object", "additionalProperties": false,
        "properties": {
            "update": {"type": "boolean", "description": "refresh package lists and upgrade everything",
                "default": false},
            "packages": {"type": "array", "items": {"type": "string"},
                "description": "packages to install with the guest's own manager", "default": []},
            "remove": {"type": "array", "items": {"type": "string"},
                "description": "packages to remove with their settings", "default": []},
            "upload": {"type": "object", "format": "path", "additionalProperties": {"type": "string"},
                "description": "host file or directory: path in the guest", "default": {}},
            "write": {"type": "object", "x-secrets": true, "additionalProperties": {"type": "string"},
                "description": "path in the guest: content", "default": {}},
            "mkdir": {"type": "array", "items": {"type": "string"}, "description": "directories to create",
                "default": []},
            "link": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": "string"},
                "description": "symbolic link: what it points to; or a list of TARGET:LINK[:LINK…]",
                "default": {}},
            "copy-in": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description":
                    "host file or directory: directory in the guest that takes it under its own name",
                "default": {}},
            "copy": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description": "path in the guest: path of the copy", "default": {}},
            "move": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description": "path in the guest: new path", "default": {}},
            "edit": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description": "path in the guest: s/pattern/replacement/flags; a list applies several )json"
        R"json(to one file; one that changes nothing is an error",
                "default": {}},
            "append-line": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description": "path in the guest: line to add at its end", "default": {}},
            "chmod": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description": "path in the guest: octal mode", "default": {}},
            "chown": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description": "path in the guest: user:group, names or numbers", "default": {}},
            "touch": {"type": "array", "items": {"type": "string"},
                "description": "files to create, if they do not exist", "default": []},
            "truncate": {"type": "array", "items": {"type": "string"}, "description": "files to empty",
                "default": []},
            "truncate-recursive": {"type": "array", "items": {"type": "string"},
                "description": "directories whose files are emptied, including those in subdirectories",
                "default": []},
            "scrub": {"type": "array", "items": {"type": "string"},
                "description": "files to overwrite with zeros and remove; patterns allowed", "default": []},
            "delete": {"type": "array", "items": {"type": "string"},
                "description": "files and directories to remove; patterns allowed", "default": []},
            "password": {"type": ["object", "array"], "additionalProperties": {"type": "string"},
                "items": {"type": ["object", "string"], "additionalProperties": {"type": "string"}},
                "description": "user: password:TEXT, file:PATH, hash:CRYPT, random, disabled, locked or )json"
        R"json(locked: and one of these",
                "default": {}},
            "password-crypto": {"type": "string", "enum": ["md5", "sha256", "sha512", "yescrypt"],
                "description": "how passwords given as text are hashed", "default": "sha512"},
            "firstboot-install": {"type": "array", "items": {"type": "string"},
                "description": "packages that every clone installs at its first boot", "default": []},
            "selinux-relabel": {"type": "boolean",
                "description": "relabel for SELinux after the changes", "default": false},
            "users": {"type": "array", "description": "users to create", "default": [],
                "items": {"type": "object", "additionalProperties": false, "required": ["name"],
                "properties": {
                    "name": {"type": "string", "description": "login name"},
                    "shell": {"type": "string", "description": "login shell", "default": "/bin/bash"},
                    "groups": {"type": "array", "items": {"type": "string"}, "description": "further groups",
                        "default": []},
                    "ssh-keys": {"type": "array", "items": {"type": "string"}, "description": "public keys",
                        "default": []},
                    "password-hash": {"type": "string",
                        "description": "crypt(3) hash; plain passwords are not taken", "default": ""},
                    "sudo": {"type": "boolean", "description": "sudo without a password", "default": false},
                    "system": {"type": "boolean", "description": "system account", "default": false}}}},
            "ssh-keys": {"type": "object", "additionalProperties": {"type": "array",
                "items": {"type": "string"}}, "description": "existing user: public keys", "default": {}},
            "timezone": {"type": "string", "description": "such as Europe/Berlin", "default": ""},
            "locale": {"type": "string", "description": "such as en_US.UTF-8", "default": ""},
            "hostname": {"type": "string", "description": "host name that all clones start with", "default": ""},
            "run": {"type": "array", "x-secrets": true, "items": {"type": "string"},
                "description": "shell lines run in the guest, offline: after packages, files, users and )json"
        R"json(settings, whatever the order in the recipe; a second customize stage gives another order",
                "default": []},
            "scripts": {"type": "array", "items": {"type": "string", "format": "path"},
                "description": "script files of the host run in the guest", "default": []},
            "firstboot": {"type": "array", "items": {"type": "string"},
                "description": "shell lines that every clone runs once at its first boot", "default": []},
            "network": {"type": "boolean",
                "description":
                    "give commands in the guest a network (default: when packages are installed or updated)"},
            "timeout": {"type": "string", "x-affects-result": false, "pattern": "^[0-9]+[smhd]?$",
                "x-message": "must be a time such as 90s, 10m or 1h",
                "description": "longest time for one command", "default": "1h"}
        }})json");
    return schema;
}

}  // namespace imgforge::sysprep
