// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_checks.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include <fmt/format.h>

#include "builder/base/strict_yaml.hpp"
#include "builder/base/suggestion.hpp"
#include "seeds/mime_parts.hpp"
#include "seeds/network.hpp"
#include "seeds/passwords.hpp"
#include "seeds/schema_check.hpp"
#include "seeds/ssh_keys.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

/// Collects faults of values that come from options, not from a file.
class ValueFaults {
public:
    void add(std::string message, std::string suggestion = {}) {
        list_.add({.message = std::move(message), .suggestion = std::move(suggestion)});
    }
    void key(const std::string& owner, const std::string& line) {
        if (const auto fault = public_key_fault(line)) {
            add(fmt::format("SSH key of {}: {}", owner, *fault));
        }
    }
    void one_line(std::string_view what, const std::string& value) {
        if (!is_one_line(value)) {
            add(fmt::format("{} has a line break or control character in it", what));
        }
    }
    Diagnostics& list() { return list_; }

private:
    Diagnostics list_;
};

void check_identity(const SeedSpec& spec, ValueFaults& faults) {
    if (!spec.hostname.empty() && !is_host_name(spec.hostname)) {
        faults.add(fmt::format("'{}' is no host name", spec.hostname),
                   "letters, digits and hyphens, at most 63 per label");
    }
    if (!spec.fqdn.empty() && (!is_host_name(spec.fqdn) || spec.fqdn.find('.') == std::string::npos)) {
        faults.add(fmt::format("'{}' is no fully qualified name", spec.fqdn), "web-1.example.org");
    }
    if (!is_one_line(spec.instance_id) || spec.instance_id.find_first_of(" /") != std::string::npos ||
        spec.instance_id.size() > 128) {
        // cloud-init makes a folder of this name below /var/lib/cloud/instances.
        faults.add(fmt::format("'{}' cannot be an instance-id", spec.instance_id),
                   "no blanks and no slashes, at most 128 characters");
    }
    faults.one_line("locale", spec.locale);
    faults.one_line("timezone", spec.timezone);
    faults.one_line("keyboard", spec.keyboard);
    faults.one_line("ready marker", spec.ready_marker);
}

void check_logins(const SeedSpec& spec, ValueFaults& faults) {
    for (const std::string& key : spec.ssh_keys) {
        faults.key("the default user", key);
    }
    std::set<std::string> names;
    for (const SeedUser& user : spec.users) {
        if (!is_user_name(user.name)) {
            faults.add(fmt::format("'{}' is no user name", user.name),
                       "lower-case letters, digits, _ and -, at most 32");
        }
        if (!names.insert(user.name).second) {
            faults.add(fmt::format("user '{}' is given twice", user.name));
        }
        faults.one_line("full name of " + user.name, user.gecos);
        for (const std::string& key : user.ssh_keys) {
            faults.key("user " + user.name, key);
        }
        if (!user.password_hash.empty()) {
            if (const auto fault = password_hash_fault(user.password_hash)) {
                faults.add(fmt::format("password hash of user '{}': {}", user.name, *fault));
            }
        }
    }
}

bool is_octal_mode(const std::string& text) {
    return text.size() >= 3 && text.size() <= 5 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
}

void check_contents(const SeedSpec& spec, ValueFaults& faults) {
    for (const SeedFile& file : spec.files) {
        if (file.path.empty() || file.path.front() != '/' || !is_one_line(file.path)) {
            faults.add(fmt::format("'{}' is no absolute path for a file of the guest", file.path));
        }
        if (!is_octal_mode(file.permissions)) {
            faults.add(fmt::format("permissions '{}' of {} are not octal", file.permissions, file.path),
                       "0644");
        }
    }
    for (const std::string& package : spec.packages) {
        if (package.empty() || package.find_first_of(" \t\n") != std::string::npos) {
            faults.add(fmt::format("'{}' is no package name", package));
        }
    }
    for (const SeedDisk& disk : spec.disks) {
        if (disk.device.rfind("/dev/", 0) != 0 || disk.mountpoint.size() < 2 ||
            disk.mountpoint.front() != '/') {
            faults.add(fmt::format("data disk '{}' on '{}'", disk.device, disk.mountpoint),
                       "/dev/vdb on /data");
        }
    }
}

/// The user's own part may only be joined with ours when cloud-init could tell what it is.
void check_own_files(const SeedSpec& spec, Diagnostics& faults) {
    if (spec.user_data) {
        faults.append(check_user_data(*spec.user_data, spec.user_data_name));
    }
    if (spec.vendor_data) {
        faults.append(check_user_data(*spec.vendor_data, spec.vendor_data_name));
    }
    if (spec.network_config) {
        faults.append(check_network_config(*spec.network_config, spec.network_config_name));
    } else if (const Json network = unwrapped_network(spec.network); !network.is_null()) {
        faults.append(
            check_schema_tree("network-config.json", {.file = spec.network_config_name, .root = network}));
    }
}

/// What the first line was probably meant to be.
void explain_header(std::string_view text, const std::string& name, Diagnostics& faults) {
    const std::string first(text.substr(0, text.find('\n')));
    const std::string_view word = trimmed(first);
    std::string lower(word);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string message = "the first line must say what this is, cloud-init ignores the file otherwise";
    if (text.substr(0, 3) == "\xef\xbb\xbf") {
        message =
            "the file begins with a byte order mark, so cloud-init does not see the '#cloud-config' line; "
            "save it without";
    } else if (lower == "# cloud-config" || lower == "cloud-config" || lower.rfind("#cloud", 0) == 0 ||
               nearest(lower, {"#cloud-config"})) {
        message = fmt::format("the first line is '{}', which cloud-init does not know", word);
    } else if (text.find("\n#cloud-config") != std::string_view::npos) {
        message = "'#cloud-config' must be the very first line, something stands before it";
    }
    faults.add({.file = name, .line = 1, .column = 1, .message = message, .suggestion = "#cloud-config"});
}

/// The parts cloud-init treats as cloud-config or tells by their first line; lines are those of the whole
/// file where that is possible.
void check_mime(const std::string& text, const std::string& name, Diagnostics& faults) {
    int number = 0;
    for (const MimePart& part : mime_parts(text)) {
        ++number;
        const std::string part_name =
            part.as_written
                ? name
                : fmt::format("{} part {}{}", name, number, part.name.empty() ? "" : " (" + part.name + ")");
        const bool config = part.type == "text/cloud-config";
        const std::string content = gunzipped(part.bytes, part_name);
        if (user_data_kind(content) == UserDataKind::mime ||
            !(config || user_data_kind(content) == UserDataKind::cloud_config)) {
            continue;
        }
        // A part of this type needs no first line: cloud-init goes by the type (user_data.py _process_msg).
        const Diagnostics found = trimmed(content).empty()
                                      ? Diagnostics()
                                      : check_schema_text("cloud-config.json", content, part_name);
        for (Diagnostic fault : found.list()) {
            fault.line += part.as_written && fault.line > 0 ? part.first_line - 1 : 0;
            faults.add(std::move(fault));
        }
    }
}

/// `text` with the expressions of a template replaced by a word and its statements and comments by nothing;
/// lines stay where they are.
std::string without_jinja(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view open = std::string_view(text).substr(at, 2);
        const std::string_view close = open == "{{" ? "}}" : open == "{%" ? "%}" : open == "{#" ? "#}" : "";
        const std::size_t end = close.empty() ? std::string::npos : text.find(close, at + 2);
        if (end == std::string::npos) {
            out.push_back(text[at++]);
            continue;
        }
        out += open == "{{" ? "jinja" : "";
        out.append(
            static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(at),
                                                text.begin() + static_cast<std::ptrdiff_t>(end), '\n')),
            '\n');
        at = end + 2;
    }
    return out;
}

/// What can be said before the values are known: the kind of the text below the first line, and keys that do
/// not exist.
void check_jinja(const std::string& text, const std::string& name, Diagnostics& faults) {
    const std::string body = without_jinja(text.substr(std::min(text.find('\n'), text.size())));
    const std::string_view rest = trimmed(body);
    const UserDataKind kind = user_data_kind(rest);
    if (kind == UserDataKind::unknown || kind == UserDataKind::empty) {
        faults.add({.file = name,
                    .line = 2,
                    .message = "below the jinja line must stand what the text is once it is filled in",
                    .suggestion = "#cloud-config"});
        return;
    }
    if (kind != UserDataKind::cloud_config) {
        return;
    }
    const bool has_statements = text.find("{%") != std::string::npos;
    const Diagnostics found = check_schema_text("cloud-config.json", body, name);
    for (Diagnostic fault : found.list()) {
        const bool unknown_key = fault.message.rfind("unknown key", 0) == 0;
        if (unknown_key ||
            !has_statements) {  // a value may be anything once it is filled in, so that no fault is certain
            fault.severity = Diagnostic::Severity::warning;
            faults.add(std::move(fault));
        }
    }
}

}  // namespace

Diagnostics check_user_data(const std::string& bytes, const std::string& name) {
    Diagnostics faults;
    const std::string text = gunzipped(bytes, name);
    switch (user_data_kind(text)) {
        case UserDataKind::empty:
            faults.add({.file = name,
                        .message = "the file is empty, the machine would learn nothing from it",
                        .suggestion = "#cloud-config"});
            break;
        case UserDataKind::unknown: explain_header(text, name, faults); break;
        case UserDataKind::cloud_config:
            faults.append(check_schema_text("cloud-config.json", text, name));
            break;
        case UserDataKind::mime: check_mime(text, name, faults); break;
        case UserDataKind::jinja: check_jinja(text, name, faults); break;
        default: break;  // scripts and the rest mean what cloud-init makes of them
    }
    return faults;
}

Diagnostics check_network_config(const std::string& bytes, const std::string& name) {
    Diagnostics faults;
    if (trimmed(bytes).empty()) {
        faults.add({.file = name,
                    .message = "the network-config is empty, which leaves the machine without network"});
        return faults;
    }
    return check_schema_text("network-config.json", bytes, name);
}

Diagnostics check_seed(const SeedSpec& spec) {
    ValueFaults faults;
    check_identity(spec, faults);
    check_logins(spec, faults);
    check_contents(spec, faults);
    check_own_files(spec, faults.list());
    return faults.list();
}

}  // namespace imgforge::seeds
