// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_checks.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/time_zone.hpp"
#include "seeds/meta_data_checks.hpp"
#include "seeds/network.hpp"
#include "seeds/network_checks.hpp"
#include "seeds/passwords.hpp"
#include "seeds/ssh_keys.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data_checks.hpp"

namespace imgforge::seeds {
namespace {

/// Collects errors of values that come from options, not from a file.
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
        faults.add(fmt::format("'{}' is not a host name", spec.hostname),
                   "letters, digits and hyphens, at most 63 per label");
    }
    if (!spec.fqdn.empty() && (!is_host_name(spec.fqdn) || spec.fqdn.find('.') == std::string::npos)) {
        faults.add(fmt::format("'{}' is not a fully qualified name", spec.fqdn), "web-1.example.org");
    }
    if (!is_one_line(spec.instance_id) || spec.instance_id.find_first_of(" /") != std::string::npos ||
        spec.instance_id.size() > 128) {
        // cloud-init makes a directory of this name below /var/lib/cloud/instances.
        faults.add(fmt::format("'{}' cannot be an instance-id", spec.instance_id),
                   "no blanks and no slashes, at most 128 characters");
    }
    faults.one_line("locale", spec.locale);
    if (!spec.timezone.empty() && !is_time_zone(spec.timezone)) {
        faults.add(fmt::format("--timezone: unknown time zone '{}'", spec.timezone),
                   "a name such as Europe/Berlin or UTC");
    }
    faults.one_line("keyboard", spec.keyboard);
    faults.one_line("ready marker", spec.ready_marker);
}

void check_logins(const SeedSpec& spec, ValueFaults& faults) {
    for (const std::string& key : spec.ssh_keys) {
        faults.key("the default user", key);
    }
    std::set<std::string> names;
    for (const SeedUser& user : spec.users) {
        if (!is_login_name(user.name)) {
            faults.add(fmt::format("useradd takes no user named '{}'", user.name),
                       "letters, digits, dots, _ and -, at most 32, not only digits");
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
            } else if (!spec.guest.yescrypt && user.password_hash.starts_with("$y$")) {
                faults.add(
                    fmt::format("password hash of user '{}': the crypt(3) of {} does not know yescrypt "
                                "('$y$'), so this password would never be right",
                                user.name, spec.guest.name),
                    "make a hash of SHA-512 ('$6$') with `openssl passwd -6`");
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
            faults.add(fmt::format("'{}' is not an absolute path for a file of the guest", file.path));
        }
        if (!is_octal_mode(file.permissions)) {
            faults.add(fmt::format("permissions '{}' of {} are not octal", file.permissions, file.path),
                       "0644");
        }
    }
    for (const std::string& package : spec.packages) {
        if (package.empty() || package.find_first_of(" \t\n") != std::string::npos) {
            faults.add(fmt::format("'{}' is not a package name", package));
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

/// The user's own files, as cloud-init will read them.
Diagnostics own_files(const SeedSpec& spec) {
    Diagnostics found;
    if (spec.user_data) {
        found.append(check_user_data(*spec.user_data, spec.user_data_name, spec.guest));
    }
    for (const SeedPart& part : spec.more_user_data) {
        found.append(check_user_part(part, spec.guest));
    }
    if (spec.vendor_data) {
        found.append(check_user_data(*spec.vendor_data, spec.vendor_data_name, spec.guest));
    }
    if (spec.meta_data) {
        found.append(check_meta_data(*spec.meta_data, spec.meta_data_name));
    }
    if (spec.network_config) {
        found.append(check_network_text(*spec.network_config, spec.network_config_name, spec.guest));
    }
    return found;
}

void check_own_files(const SeedSpec& spec, Diagnostics& faults) {
    if (spec.checks != SeedChecks::none) {
        const Diagnostics found = own_files(spec);
        for (Diagnostic one : found.list()) {
            if (spec.checks == SeedChecks::warn) {
                one.severity = Diagnostic::Severity::warning;
            }
            faults.add(std::move(one));
        }
    }
    const Json network = unwrapped_network(spec.network);
    if (!spec.network_config && !network.is_null()) {
        check_network_tree({.document = {.file = spec.network_config_name, .root = network, .positions = {}}},
                           spec.guest, faults);
    }
}

}  // namespace

Diagnostics check_seed(const SeedSpec& spec) {
    ValueFaults faults;
    check_identity(spec, faults);
    check_logins(spec, faults);
    check_contents(spec, faults);
    check_own_files(spec, faults.list());
    return faults.list();
}

}  // namespace imgforge::seeds
