// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/config_checks.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "builder/base/python_base64.hpp"
#include "builder/base/time_zone.hpp"
#include "seeds/findings.hpp"
#include "seeds/key_table.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

/// Modules that take a null for an empty list (util.get_cfg_option_list); the others raise on it.
const std::set<std::string, std::less<>>& null_is_empty() {
    static const std::set<std::string, std::less<>> keys{
        "packages", "users", "groups", "ssh_authorized_keys", "ssh_import_id", "ntp", "wireguard"};
    return keys;
}

/// Null values at the top are taken out before the key table sees them.
Json without_empty_keys(const GuestYaml& yaml, Findings& findings) {
    Json root = Json::object();
    for (const auto& [key, value] : yaml.document.root.items()) {
        if (!value.is_null()) {
            root[key] = value;
        } else if (!null_is_empty().contains(key)) {
            findings.warning("/" + pointer_token(key), fmt::format("'{}' is empty", key), {}, true);
        }
    }
    return root;
}

/// 0644 without quotes is the number 420, which cloud-init takes for these permissions (cc_write_files.py
/// decode_perms); 644 is another number.
void check_permissions(const GuestYaml& yaml, const std::string& pointer, const Json& value,
                       Findings& findings) {
    const auto written = yaml.written.find(pointer);
    const std::string text = value.is_string()               ? value.get<std::string>()
                             : written == yaml.written.end() ? ""
                                                             : written->second;
    std::string_view digits = text;
    digits.remove_prefix(digits.starts_with("0o") ? 2 : 0);
    const bool octal = digits.size() >= 3 && digits.size() <= 5 &&
                       digits.find_first_not_of("01234567") == std::string_view::npos;
    if (value.is_number_integer() && octal && digits.front() == '0') {
        findings.warning(pointer, fmt::format("'permissions' should be text, not the number {}", text),
                         fmt::format("\"{}\" in quotes", text));
    } else if (value.is_number()) {
        findings.error(pointer,
                       fmt::format("'permissions' must be octal digits in quotes, not the number {}", text),
                       fmt::format("\"0{}\" in quotes", text));
    } else if (value.is_string() && !octal) {
        findings.warning(pointer,
                         fmt::format("permissions '{}' are not octal digits: cloud-init uses 0644", text),
                         "\"0644\" in quotes");
    }
}

void check_encoded(const std::string& pointer, const std::string& encoding, const std::string& content,
                   Findings& findings) {
    const bool base64 = encoding.find("64") != std::string::npos;
    const bool gzip = encoding.find("gz") != std::string::npos;
    constexpr std::string_view base64_text =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n";
    const auto bytes = base64 ? python_base64(content) : std::optional(content);
    if (!bytes) {
        findings.error(pointer + "/content",
                       fmt::format("'content' is not base64, although encoding is {}", encoding),
                       "leave out 'encoding' for plain text");
    } else if (base64 && content.find_first_not_of(base64_text) != std::string::npos) {
        findings.warning(pointer + "/content",
                         "'content' has characters that are not base64: Python skips them");
    } else if (gzip && !bytes->starts_with("\x1f\x8b")) {
        findings.error(pointer + "/content",
                       fmt::format("'content' is not gzip data, although encoding is {}", encoding));
    }
}

std::set<std::string> made_users(const Json& root) {
    std::set<std::string> names;
    const Json& users = child_of(root, "users");
    for (const Json& user : users.is_array() ? users : Json::array()) {
        names.insert(user.is_string() ? user.get<std::string>() : text_child(user, "name"));
    }
    names.erase("root");
    return names;
}

void check_files(const GuestYaml& yaml, Findings& findings) {
    const Json& files = child_of(yaml.document.root, "write_files");
    const std::set<std::string> users = made_users(yaml.document.root);
    for (std::size_t i = 0; files.is_array() && i < files.size(); ++i) {
        const std::string pointer = fmt::format("/write_files/{}", i);
        const Json& file = files[i];
        if (const Json& permissions = child_of(file, "permissions"); !permissions.is_null()) {
            check_permissions(yaml, pointer + "/permissions", permissions, findings);
        }
        if (const std::string path = text_child(file, "path"); !path.empty() && path.front() != '/') {
            findings.warning(pointer + "/path", fmt::format("'{}' is not an absolute path", path));
        }
        const std::string encoding = text_child(file, "encoding");
        if (!encoding.empty() && encoding != "text/plain" && child_of(file, "content").is_string()) {
            check_encoded(pointer, encoding, text_child(file, "content"), findings);
        }
        const std::string owner = text_child(file, "owner");
        if (users.contains(owner.substr(0, owner.find(':'))) && child_of(file, "defer") != true) {
            findings.warning(
                pointer + "/owner",
                fmt::format("files are written before the user '{}' is made, so this owner is not found",
                            owner.substr(0, owner.find(':'))),
                "add defer: true");
        }
    }
}

bool looks_like_number(const std::string& text) {
    char* end = nullptr;
    std::strtod(text.c_str(), &end);
    return !text.empty() && end != nullptr && *end == '\0';
}

void check_host_name(const Json& root, const std::string& key, Findings& findings) {
    const std::string name = text_child(root, key);
    const std::string pointer = "/" + key;
    if (name.empty()) {
        return;
    }
    constexpr std::string_view taken = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (name.find_first_not_of(taken) != std::string::npos) {
        findings.error(pointer, fmt::format("'{}' is not a host name", name), "letters, digits and hyphens");
    } else if (looks_like_number(name)) {
        findings.warning(pointer, fmt::format("the host name '{}' looks like a number", name));
    } else if (!is_host_name(name)) {
        findings.warning(pointer, fmt::format("'{}' is not a host name that DNS knows", name),
                         "letters, digits and hyphens, at most 63 per label");
    }
}

void check_time_zone(const Json& root, Findings& findings) {
    const std::string zone = text_child(root, "timezone");
    if (!zone.empty() && !is_time_zone(zone)) {
        findings.error("/timezone", fmt::format("unknown time zone '{}'", zone),
                       "a name such as Europe/Berlin or UTC");
    }
}

/// `false` leaves the locale alone. The schema knows that since 24.4, the module has done so all along.
void check_locale(const Json& root, const Guest& guest, Findings& findings) {
    constexpr CloudInitVersion schema_knows_false{24, 4};
    const auto locale = root.find("locale");
    if (locale == root.end() || !locale->is_boolean()) {
        return;
    }
    if (locale->get<bool>()) {
        findings.warning("/locale", "'true' is not the name of a locale", "a name such as C.UTF-8, or false");
    } else if (guest.version < schema_knows_false) {
        findings.warning("/locale", "the schema of cloud-init before 24.4 complains about 'false' here",
                         "it leaves the locale alone all the same");
    }
}

}  // namespace

void check_config_values(const GuestYaml& yaml, Diagnostics& diagnostics) {
    Findings findings(yaml.document, diagnostics);
    const Json& root = yaml.document.root;
    if (root.contains("network")) {
        findings.error("/network", "cloud-init never reads 'network' from user-data",
                       "put it into the network-config file (--network-config)", true);
    }
    check_host_name(root, "hostname", findings);
    check_host_name(root, "fqdn", findings);
    check_time_zone(root, findings);
    check_files(yaml, findings);
    check_config_logins(yaml, diagnostics);
}

namespace {

/// Without what the table of keys does not see as cloud-init does: `network`, and the modes of files, which
/// are judged as written.
Json for_key_table(const GuestYaml& yaml, Findings& findings) {
    Json body = without_empty_keys(yaml, findings);
    body.erase("network");
    if (body.contains("write_files") && body["write_files"].is_array()) {
        for (Json& file : body["write_files"]) {
            if (file.is_object() && file.contains("permissions") && file["permissions"].is_number()) {
                file.erase("permissions");
            }
        }
    }
    return body;
}

}  // namespace

Diagnostics check_cloud_config(const std::string& text, const std::string& name, const Guest& guest) {
    Diagnostics all =
        check_yaml(text, name, [&](const GuestYaml& yaml, Findings& findings, Diagnostics& found) {
            const Json& root = yaml.document.root;
            if (root.is_null()) {
                findings.warning("", "this cloud-config sets nothing");
            } else if (!root.is_object()) {
                findings.error("", "a cloud-config is a map of keys, cloud-init drops anything else");
            } else {
                key_table("cloud-config.keys")
                    .check(yaml, "", "", for_key_table(yaml, findings), guest, found);
                check_config_values(yaml, found);
                check_locale(root, guest, findings);
            }
        });
    all.sort();
    return all;
}

}  // namespace imgforge::seeds
