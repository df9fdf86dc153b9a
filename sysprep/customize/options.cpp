// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <filesystem>
#include <regex>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "sysprep/customize/customize.hpp"

namespace imgforge::sysprep {

namespace {

std::vector<std::string> strings(const Json& options, const char* key) {
    return options.contains(key) ? options.at(key).get<std::vector<std::string>>()
                                 : std::vector<std::string>();
}

template <class Pair>
void pairs(const Json& options, const char* key, std::vector<Pair>& into,
           const std::function<Pair(const std::string&, const std::string&)>& make) {
    if (options.contains(key)) {
        for (const auto& [name, value] : options.at(key).items()) {
            into.push_back(make(name, value.template get<std::string>()));
        }
    }
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

bool is_guest_path(const std::string& path) {
    return path.starts_with("/") && path.find("/../") == std::string::npos && !path.ends_with("/..");
}

}  // namespace

CustomizeSpec customize_spec(const Json& options, const std::filesystem::path& folder) {
    using Strings = std::pair<std::string, std::string>;
    using Upload = std::pair<std::filesystem::path, std::string>;
    const auto plain = [](const std::string& name, const std::string& value) { return Strings(name, value); };
    CustomizeSpec spec;
    spec.update = options.value("update", false);
    spec.install = strings(options, "packages");
    spec.remove = strings(options, "remove");
    pairs<Upload>(options, "upload", spec.upload, [&](const std::string& host, const std::string& path) {
        return Upload(folder / host, path);
    });
    pairs<Strings>(options, "write", spec.write, plain);
    spec.mkdir = strings(options, "mkdir");
    pairs<Strings>(options, "link", spec.link, plain);
    pairs<Strings>(options, "edit", spec.edit, plain);
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

std::vector<std::pair<std::string, std::string>> check_customize(const CustomizeSpec& spec) {
    std::vector<std::pair<std::string, std::string>> faults;
    for (const auto& [host, path] : spec.upload) {
        if (!std::filesystem::exists(host)) {
            faults.emplace_back("/upload", fmt::format("{} does not exist", host.string()));
        }
        if (!is_guest_path(path)) {
            faults.emplace_back("/upload", fmt::format("'{}' is no absolute path", path));
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
                faults.emplace_back(pointer, fmt::format("'{}' is no absolute path", entry.first));
            }
        }
    };
    check_paths(spec.write, "/write");
    check_paths(spec.link, "/link");
    check_paths(spec.edit, "/edit");
    static const std::regex expression("s(.)(.*)\\1(.*)\\1");
    for (const auto& [path, change] : spec.edit) {
        if (!std::regex_match(change, expression)) {
            faults.emplace_back("/edit",
                                fmt::format("'{}' is not of the form s/pattern/replacement/", change));
        }
    }
    static const std::regex user_name("[a-z_][a-z0-9_-]{0,31}");
    for (const UserSpec& user : spec.users) {
        if (!std::regex_match(user.name, user_name)) {
            faults.emplace_back("/users", fmt::format("'{}' is no user name", user.name));
        }
    }
    return faults;
}

const Json& customize_schema() {
    static const Json schema = Json::parse(R"json({
        "type": "object", "additionalProperties": false,
        "properties": {
            "update": {"type": "boolean", "description": "refresh package lists and upgrade everything", "default": false},
            "packages": {"type": "array", "items": {"type": "string"}, "description": "packages to install with the guest's own manager", "default": []},
            "remove": {"type": "array", "items": {"type": "string"}, "description": "packages to remove with their settings", "default": []},
            "upload": {"type": "object", "format": "path", "additionalProperties": {"type": "string"}, "description": "host file or folder: path in the guest", "default": {}},
            "write": {"type": "object", "additionalProperties": {"type": "string"}, "description": "path in the guest: content", "default": {}},
            "mkdir": {"type": "array", "items": {"type": "string"}, "description": "folders to make", "default": []},
            "link": {"type": "object", "additionalProperties": {"type": "string"}, "description": "symbolic link: what it points to", "default": {}},
            "edit": {"type": "object", "additionalProperties": {"type": "string"}, "description": "path in the guest: s/pattern/replacement/ for every line", "default": {}},
            "users": {"type": "array", "description": "users to make", "default": [], "items": {"type": "object", "additionalProperties": false, "required": ["name"],
                "properties": {
                    "name": {"type": "string", "description": "login name"},
                    "shell": {"type": "string", "description": "login shell", "default": "/bin/bash"},
                    "groups": {"type": "array", "items": {"type": "string"}, "description": "further groups", "default": []},
                    "ssh-keys": {"type": "array", "items": {"type": "string"}, "description": "public keys", "default": []},
                    "password-hash": {"type": "string", "description": "crypt(3) hash; plain passwords are not taken", "default": ""},
                    "sudo": {"type": "boolean", "description": "sudo without a password", "default": false},
                    "system": {"type": "boolean", "description": "system account", "default": false}}}},
            "ssh-keys": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}, "description": "existing user: public keys", "default": {}},
            "timezone": {"type": "string", "description": "such as Europe/Berlin", "default": ""},
            "locale": {"type": "string", "description": "such as en_US.UTF-8", "default": ""},
            "hostname": {"type": "string", "description": "a name that all clones start with", "default": ""},
            "run": {"type": "array", "items": {"type": "string"}, "description": "shell lines run in the guest, offline: after packages, files, users and settings, whatever the order in the recipe; a second customize stage gives another order", "default": []},
            "scripts": {"type": "array", "items": {"type": "string", "format": "path"}, "description": "script files of the host run in the guest", "default": []},
            "firstboot": {"type": "array", "items": {"type": "string"}, "description": "shell lines that every clone runs once at its first boot", "default": []},
            "network": {"type": "boolean", "description": "give the guest's commands network (default: when packages are installed or updated)"},
            "timeout": {"type": "string", "x-affects-result": false, "description": "longest time for one command", "default": "1h"}
        }})json");
    return schema;
}

}  // namespace imgforge::sysprep
