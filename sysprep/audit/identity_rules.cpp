// SPDX-License-Identifier: GPL-3.0-or-later
// Rules 2 to 5 and 8 of SYSPREP.md section 4: who the machine is.
#include <algorithm>
#include <array>
#include <optional>
#include <regex>

#include <fmt/format.h>

#include "sysprep/audit/rules.hpp"

namespace imgforge::sysprep::audit {

namespace {

using guest::FileType;

/// machine-id(5) "First Boot Semantics"; SYSPREP.md 2.1.
std::vector<Finding> machine_id(const GuestFacts& facts) {
    constexpr std::string_view path = "/etc/machine-id";
    const TreeEntry* const entry = facts.tree.find(path);
    const bool systemd = facts.os.init == "systemd";
    if (facts.expect.machine_id == "keep") {
        return {};
    }
    if (entry == nullptr) {
        const bool meant = !systemd || facts.expect.machine_id == "delete";
        return meant ? std::vector<Finding>{}
                     : std::vector<Finding>{
                           leftover(std::string(path),
                                    "is missing: the first boot would apply all presets (machine-id(5))")};
    }
    if (entry->stat.type != FileType::regular) {
        return {leftover(std::string(path), "is not a regular file")};
    }
    const std::string_view content = facts.tree.read(path);
    const bool uninitialized = content == "uninitialized\n";
    if (entry->stat.size != 0 && !uninitialized) {
        return {
            leftover(std::string(path),
                     fmt::format("holds {} bytes: every clone gets the same machine-id", entry->stat.size))};
    }
    std::vector<Finding> out;
    if (!systemd) {
        out.push_back(
            leftover(std::string(path), "exists without systemd: dbus-uuidgen refuses an empty one"));
    } else if (uninitialized != (facts.expect.machine_id == "uninitialized")) {
        out.push_back(leftover(std::string(path),
                               uninitialized ? "is 'uninitialized': the first boot would apply all presets"
                                             : "is empty, not 'uninitialized' as asked for"));
    }
    if (systemd && entry->stat.mode != 0444) {
        out.push_back(
            leftover(std::string(path), fmt::format("has mode {:04o}, not 0444", entry->stat.mode)));
    }
    if (entry->stat.links > 1) {
        out.push_back(leftover(std::string(path), "has more than one hard link"));
    }
    return out;
}

/// systemd reads a regular D-Bus id first when /etc/machine-id is empty (SYSPREP.md A2).
std::vector<Finding> dbus_machine_id(const GuestFacts& facts) {
    constexpr std::string_view path = "/var/lib/dbus/machine-id";
    const TreeEntry* const entry = facts.tree.find(path);
    if (entry == nullptr || entry->stat.type == FileType::symlink || facts.expect.machine_id == "keep") {
        return {};
    }
    return {leftover(std::string(path), "is a file of its own: systemd would take the old id from it")};
}

std::vector<Finding> host_keys(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string pattern :
         {"/etc/ssh/ssh_host_*", "/etc/dropbear/dropbear_*_host_key", "/etc/dropbear/initramfs/*host_key*",
          "/etc/dropbear-initramfs/*host_key*", "/etc/tinyssh/sshkeydir/*"}) {
        for (const std::string& path : facts.tree.glob(pattern)) {
            out.push_back(leftover(path, "SSH host key: all clones could be mistaken for each other"));
        }
    }
    // HostKey lines may name other places (sshd_config(5)).
    auto configurations = facts.tree.glob("/etc/ssh/sshd_config.d/*.conf");
    configurations.emplace_back("/etc/ssh/sshd_config");
    for (const std::string& file : configurations) {
        for (const std::string_view line : lines_of(facts.tree.read(file))) {
            const auto words = words_of(line);
            if (words.size() >= 2 && (words[0] == "HostKey" || words[0] == "HostCertificate") &&
                facts.tree.exists(words[1]) && !matches_pattern("/etc/ssh/ssh_host_*", words[1])) {
                out.push_back(leftover(std::string(words[1]), fmt::format("SSH host key named in {}", file)));
            }
        }
    }
    return out;
}

bool has_sshd(const GuestTree& tree) {
    return tree.exists("/etc/ssh/sshd_config") || tree.exists("/usr/lib/systemd/system/ssh.service") ||
           tree.exists("/usr/lib/systemd/system/sshd.service") ||
           tree.exists("/lib/systemd/system/ssh.service");
}

std::string_view unit_text(const GuestTree& tree, std::string_view name) {
    for (const std::string_view folder :
         {"/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"}) {
        const std::string path = std::string(folder) + std::string(name);
        const TreeEntry* const entry = tree.find(path);
        if (entry != nullptr && entry->target == "/dev/null") {
            return {};  // masked
        }
        if (entry != nullptr) {
            return tree.read(path);
        }
    }
    return {};
}

/// True when a unit makes missing host keys at a boot that is not a "first boot".
bool makes_keys(const GuestTree& tree, std::string_view text, bool first_boot) {
    bool keygen = false;
    for (const std::string_view line : lines_of(text)) {
        if (line.starts_with("ConditionFirstBoot=yes") && !first_boot) {
            return false;
        }
        if (line.starts_with("Exec")) {
            const auto words = words_of(line.substr(line.find('=') + 1));
            const std::string_view program =
                words.empty()
                    ? std::string_view()
                    : words[0].substr(std::min(words[0].size(), words[0].find_first_not_of("-@+!:")));
            keygen = keygen || line.find("ssh-keygen") != std::string_view::npos ||
                     line.find("sshd-keygen") != std::string_view::npos ||
                     line.find("sshd-gen-keys-start") != std::string_view::npos ||
                     tree.read(program).find("ssh-keygen") != std::string_view::npos;
        }
    }
    return keygen;
}

std::vector<std::string> enabled_units(const GuestTree& tree) {
    std::vector<std::string> out;
    for (const std::string pattern :
         {"/etc/systemd/system/*.wants/*", "/etc/systemd/system/*.requires/*",
          "/usr/lib/systemd/system/*.wants/*", "/usr/lib/systemd/system/*.requires/*"}) {
        for (const std::string& path : tree.glob(pattern)) {
            out.push_back(path.substr(path.rfind('/') + 1));
        }
    }
    // ExecStartPre and Wants= of the daemon itself (SUSE, RHEL).
    for (const std::string_view daemon : {"ssh.service", "sshd.service"}) {
        out.emplace_back(daemon);
        for (const std::string_view line : lines_of(unit_text(tree, daemon))) {
            if (line.starts_with("Wants=")) {
                for (const std::string_view unit : words_of(line.substr(6))) {
                    out.emplace_back(unit);
                    for (const std::string_view inner : lines_of(unit_text(tree, unit))) {
                        if (inner.starts_with("Wants=")) {
                            for (const std::string_view last : words_of(inner.substr(6))) {
                                out.emplace_back(last);
                            }
                        }
                    }
                }
            }
        }
    }
    return out;
}

/// A unit name, or the template of an instance: "sshd-keygen@rsa.service" -> "sshd-keygen@.service".
std::string_view unit_or_template(const GuestTree& tree, const std::string& name, std::string& buffer) {
    const auto at = name.find('@');
    const auto dot = name.rfind('.');
    if (!unit_text(tree, name).empty() || at == std::string::npos || dot == std::string::npos) {
        return name;
    }
    buffer = name.substr(0, at + 1) + name.substr(dot);
    return buffer;
}

/// SYSPREP.md 2.3: without a regenerator that works for the state of machine-id, sshd of a clone does not
/// start.
std::vector<Finding> host_key_regenerator(const GuestFacts& facts) {
    const GuestTree& tree = facts.tree;
    if (!has_sshd(tree)) {
        return {};
    }
    if (facts.os.init != "systemd") {
        // OpenRC's sshd script runs `ssh-keygen -A` in start_pre (SYSPREP.md 2.3).
        const bool made = tree.read("/etc/init.d/sshd").find("ssh-keygen") != std::string_view::npos;
        return made ? std::vector<Finding>{}
                    : std::vector<Finding>{
                          leftover("/etc/init.d/sshd", "nothing makes SSH host keys at the first boot")};
    }
    const TreeEntry* const id = tree.find("/etc/machine-id");
    const bool first_boot = id == nullptr || tree.read("/etc/machine-id") == "uninitialized\n";
    std::string buffer;
    for (const std::string& unit : enabled_units(tree)) {
        if (makes_keys(tree, unit_text(tree, unit_or_template(tree, unit, buffer)), first_boot)) {
            return {};
        }
    }
    return {leftover(
        "/etc/systemd/system",
        "no enabled unit makes SSH host keys when they are missing: sshd of a clone would not start")};
}

const std::vector<std::string>& network_files() {
    static const std::vector<std::string> all{"/etc/netplan/*",
                                              "/etc/NetworkManager/system-connections/*",
                                              "/etc/NetworkManager/conf.d/*",
                                              "/etc/systemd/network/*",
                                              "/etc/udev/rules.d/*",
                                              "/etc/sysconfig/network-scripts/ifcfg-*",
                                              "/etc/sysconfig/network/ifcfg-*",
                                              "/etc/network/interfaces",
                                              "/etc/network/interfaces.d/*",
                                              "/etc/iftab",
                                              "/etc/conf.d/net"};
    return all;
}

/// Clones have new MACs: a pin to the old one leaves them without network (SYSPREP.md B5 to B9).
std::vector<Finding> network_mac(const GuestFacts& facts) {
    static const std::regex mac(
        R"((^|[^0-9A-Fa-f:])([0-9A-Fa-f]{2}([:-])([0-9A-Fa-f]{2}\3){4}[0-9A-Fa-f]{2})($|[^0-9A-Fa-f:]))");
    std::vector<Finding> out;
    for (const std::string& pattern : network_files()) {
        for (const std::string& path : facts.tree.glob(pattern)) {
            const std::string text(facts.tree.read(path));
            for (const std::string_view line : lines_of(text)) {
                std::match_results<std::string_view::const_iterator> found;
                const auto start = line.find_first_not_of(" \t");
                const bool comment =
                    start != std::string_view::npos && (line[start] == '#' || line[start] == ';');
                if (!comment && std::regex_search(line.begin(), line.end(), found, mac)) {
                    const std::string address = found[2].str();
                    if (address != "00:00:00:00:00:00" && address != "ff:ff:ff:ff:ff:ff") {
                        out.push_back(leftover(path, "pins a MAC address that no clone has"));
                        break;
                    }
                }
            }
        }
    }
    return out;
}

std::vector<Finding> seed_files(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string pattern :
         {"/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed", "/var/lib/random-seed",
          "/var/lib/misc/random-seed", "/etc/random-seed", "/var/lib/seedrng/*", "/boot/loader/random-seed",
          "/efi/loader/random-seed", "/boot/efi/loader/random-seed", "/boot/loader/.#bootctlrandom-seed*",
          "/boot/efi/loader/.#bootctlrandom-seed*", "/var/lib/systemd/credential.secret"}) {
        for (const std::string& path : facts.tree.glob(pattern)) {
            if (!facts.tree.is_directory(path)) {
                out.push_back(leftover(path, "secret or entropy that all clones would share"));
            }
        }
    }
    return out;
}

std::vector<Finding> host_name(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string path : {"/etc/hostname", "/etc/HOSTNAME"}) {
        const auto words =
            words_of(lines_of(facts.tree.read(path)).empty() ? std::string_view()
                                                             : lines_of(facts.tree.read(path)).front());
        const bool neutral = words.empty() || words[0].starts_with("localhost") ||
                             words[0] == facts.expect.hostname || words[0].starts_with('#');
        if (!neutral) {
            out.push_back(leftover(path, "still names the machine the image was built on"));
        }
    }
    return out;
}

std::vector<Finding> initramfs(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string& path : facts.initramfs_identity) {
        out.push_back(
            leftover(path, "identity packed into the initramfs: rebuild it after cleaning (SYSPREP.md C11)"));
    }
    return out;
}

}  // namespace

std::vector<GuestRule> identity_rules() {
    return {
        {"machine-id", "/etc/machine-id is empty, mode 0444, one link", "SYSPREP.md A1, 4.2, machine-id(5)",
         machine_id},
        {"dbus-machine-id", "the D-Bus machine id is absent or a link", "SYSPREP.md A2", dbus_machine_id},
        {"ssh-host-keys", "no SSH host keys", "SYSPREP.md A6, A7", host_keys},
        {"ssh-host-key-regenerator", "something makes SSH host keys at the next boot", "SYSPREP.md 2.3",
         host_key_regenerator},
        {"network-mac", "no MAC address in network settings", "SYSPREP.md B5 to B9", network_mac},
        {"entropy", "no random seeds or sealing secrets", "SYSPREP.md A8 to A10", seed_files},
        {"hostname", "no host name of the build machine", "SYSPREP.md A3", host_name},
        {"initramfs-identity", "no machine-id, host name or host key in the initramfs", "SYSPREP.md C11",
         initramfs},
    };
}

}  // namespace imgforge::sysprep::audit
