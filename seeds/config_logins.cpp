// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/yaml_scalar.hpp"
#include "seeds/config_checks.hpp"
#include "seeds/findings.hpp"
#include "seeds/passwords.hpp"
#include "seeds/ssh_keys.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

void check_keys(const std::string& pointer, const Json& keys, Findings& findings) {
    for (std::size_t i = 0; keys.is_array() && i < keys.size(); ++i) {
        if (!keys[i].is_string()) {
            continue;
        }
        const auto text = keys[i].get<std::string>();
        for (const std::string_view line : lines_of(trimmed(text))) {
            const auto fault = public_key_fault(line);
            if (fault && !trimmed(line).starts_with('#')) {
                findings.warning(fmt::format("{}/{}", pointer, i),
                                 fmt::format("this key lets nobody in: {}", *fault));
                break;
            }
        }
    }
}

bool is_date(const std::string& text) {
    try {
        return text.size() == 10 && is_yaml_date(resolve_plain(text, YamlRules::pyyaml_1_1));
    } catch (const YamlScalarFault&) {
        return false;
    }
}

void check_password(const std::string& pointer, const Json& user, Findings& findings) {
    for (const char* const key : {"passwd", "hashed_passwd", "hashed-passwd"}) {
        const std::string hash = text_child(user, key);
        const auto fault = hash.empty() ? std::nullopt : password_hash_fault(hash);
        if (fault) {
            findings.warning(fmt::format("{}/{}", pointer, key),
                             fmt::format("nobody can log in with '{}': {}", key, *fault),
                             "make a hash with mkpasswd -m yescrypt, or use plain_text_passwd");
        }
    }
    for (const char* const key : {"passwd", "hashed_passwd", "plain_text_passwd"}) {
        const Json& lock =
            user.contains("lock_passwd") ? child_of(user, "lock_passwd") : child_of(user, "lock-passwd");
        if (user.contains(key) && lock != false) {
            findings.warning(fmt::format("{}/{}", pointer, key),
                             "the password stays locked: lock_passwd is true unless it is set to false",
                             "add lock_passwd: false", true);
            return;
        }
    }
}

void check_user(const std::string& pointer, const Json& user, Findings& findings) {
    const std::string name = text_child(user, "name");
    if (!name.empty() && !is_login_name(name)) {
        findings.error(pointer + "/name", fmt::format("useradd takes no user named '{}'", name),
                       "letters, digits, dots, _ and -, at most 32, not only digits");
    }
    if (const std::string date = text_child(user, "expiredate"); !date.empty() && !is_date(date)) {
        findings.error(pointer + "/expiredate", fmt::format("'{}' is not a date", date), "\"2030-12-31\"");
    }
    check_password(pointer, user, findings);
    check_keys(pointer + "/ssh_authorized_keys", child_of(user, "ssh_authorized_keys"), findings);
    check_keys(pointer + "/ssh-authorized-keys", child_of(user, "ssh-authorized-keys"), findings);
}

void check_changes(const Json& chpasswd, Findings& findings) {
    const Json& users = child_of(chpasswd, "users");
    for (std::size_t i = 0; users.is_array() && i < users.size(); ++i) {
        const std::string pointer = fmt::format("/chpasswd/users/{}", i);
        const Json& user = users[i];
        const std::string type =
            user.is_object() && user.contains("type") ? text_child(user, "type") : "hash";
        if (user.is_object() && type != "RANDOM" && !user.contains("password")) {
            findings.error(pointer, "'password' is missing", "add it, or type: RANDOM", true);
        }
        if (type == "RANDOM" && user.contains("password")) {
            findings.warning(pointer + "/password", "a password of type RANDOM is made by the guest", {},
                             true);
        }
        const std::string password = text_child(user, "password");
        const auto fault = type == "hash" && !password.empty() ? password_hash_fault(password) : std::nullopt;
        if (fault) {
            findings.warning(pointer + "/password",
                             fmt::format("without a type this is treated as a hash, but {}", *fault),
                             "add type: text");
        }
    }
    const Json& list = child_of(chpasswd, "list");
    if (!list.is_string()) {
        return;
    }
    for (const std::string_view line : lines_of(list.get_ref<const std::string&>())) {
        if (!trimmed(line).empty() && line.find(':') == std::string_view::npos) {
            findings.error("/chpasswd/list", "a line is not of the form user:password");
        }
    }
}

void check_host_keys(const Json& keys, Findings& findings) {
    for (const auto& [name, value] : keys.items()) {
        const std::string text = value.is_string() ? value.get<std::string>() : std::string();
        const bool pem = text.find("PRIVATE KEY-----") != std::string::npos;
        if (!text.empty() && name.ends_with("_private") && !pem) {
            findings.warning("/ssh_keys/" + name, fmt::format("'{}' does not hold a private key", name));
        }
        if (name.ends_with("_public") && !text.empty()) {
            if (const auto fault = public_key_fault(trimmed(text))) {
                findings.warning("/ssh_keys/" + name, fmt::format("'{}': {}", name, *fault));
            }
        }
    }
}

}  // namespace

void check_config_logins(const GuestYaml& yaml, Diagnostics& diagnostics) {
    Findings findings(yaml.document, diagnostics);
    const Json& root = yaml.document.root;
    const Json& users = child_of(root, "users");
    for (std::size_t i = 0; users.is_array() && i < users.size(); ++i) {
        if (users[i].is_object()) {
            check_user(fmt::format("/users/{}", i), users[i], findings);
        }
    }
    if (child_of(root, "user").is_object()) {
        check_user("/user", root["user"], findings);
    }
    check_keys("/ssh_authorized_keys", child_of(root, "ssh_authorized_keys"), findings);
    check_changes(child_of(root, "chpasswd"), findings);
    if (child_of(root, "ssh_keys").is_object()) {
        check_host_keys(root["ssh_keys"], findings);
    }
}

}  // namespace imgforge::seeds
