// SPDX-License-Identifier: GPL-3.0-or-later
// Files that stay, of which some lines must not.
#include <algorithm>

#include <fmt/format.h>

#include "sysprep/audit/rules.hpp"

namespace imgforge::sysprep::audit {

namespace {

std::string_view trimmed(std::string_view line) {
    const auto start = line.find_first_not_of(" \t");
    return start == std::string_view::npos ? std::string_view() : line.substr(start);
}

/// A line of `path` that starts with one of these, spaces aside.
bool has_line(const GuestTree& tree, const std::string& path, const std::vector<std::string_view>& starts) {
    const auto lines = lines_of(tree.read(path));
    return std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
        return std::any_of(starts.begin(), starts.end(),
                           [&](std::string_view start) { return trimmed(line).starts_with(start); });
    });
}

/// SYSPREP.md B5. Addresses may be meant; a UUID or a key is one machine's.
std::vector<Finding> networkmanager_profiles(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string& path : facts.tree.glob("/etc/NetworkManager/system-connections/*")) {
        if (has_line(facts.tree, path, {"uuid=", "psk=", "private-key-password=", "wep-key", "password="})) {
            out.push_back(leftover(path, "profile with the UUID or a secret of the build machine"));
        }
    }
    return out;
}

/// SYSPREP.md B10. A link to a resolver is settings, a file is what the DHCP client of the build network
/// wrote.
std::vector<Finding> resolver(const GuestFacts& facts) {
    const TreeEntry* const entry = facts.tree.find("/etc/resolv.conf");
    const bool file = entry != nullptr && entry->stat.type == guest::FileType::regular;
    return file && has_line(facts.tree, "/etc/resolv.conf", {"nameserver"})
               ? std::vector<Finding>{leftover("/etc/resolv.conf", "names the resolver of the build network")}
               : std::vector<Finding>{};
}

/// SYSPREP.md C9.
std::vector<Finding> boot_environment(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const char* const pattern :
         {"/boot/grub/grubenv", "/boot/grub2/grubenv", "/boot/efi/EFI/*/grubenv"}) {
        for (const std::string& path : facts.tree.glob(pattern)) {
            if (has_line(facts.tree, path, {"recordfail=", "boot_indeterminate="})) {
                out.push_back(
                    leftover(path, "mark of a failed boot: every clone would wait at the boot menu"));
            }
        }
    }
    return out;
}

/// SYSPREP.md C12: the next update of GRUB would write to a disk that clones do not have.
std::vector<Finding> grub_install_device(const GuestFacts& facts) {
    constexpr const char* path = "/var/cache/debconf/config.dat";
    bool question = false;
    for (const std::string_view line : lines_of(facts.tree.read(path))) {
        if (line.starts_with("Name:")) {
            question = line.find("grub-pc/install_devices") != std::string_view::npos ||
                       line.find("grub-efi/install_devices") != std::string_view::npos;
        } else if (question && line.starts_with("Value:") &&
                   line.find("/dev/disk/by-") != std::string_view::npos) {
            return {leftover(path, "GRUB's answers name the disk of the build machine")};
        }
    }
    return {};
}

/// SYSPREP.md D6.
std::vector<Finding> snap_login(const GuestFacts& facts) {
    constexpr const char* path = "/var/lib/snapd/state.json";
    const Json state = Json::parse(facts.tree.read(path), nullptr, false);
    const bool login = state.is_object() && state.contains("data") && state["data"].is_object() &&
                       (state["data"].contains("auth") || state["data"].contains("device"));
    return login ? std::vector<Finding>{leftover(path, "login or device identity of snapd")}
                 : std::vector<Finding>{};
}

/// SYSPREP.md D16.
std::vector<Finding> libvirt_networks(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string& path : facts.tree.glob("/etc/libvirt/qemu/networks/*.xml")) {
        if (has_line(facts.tree, path, {"<uuid>", "<mac address="})) {
            out.push_back(leftover(path, "UUID or MAC address that all clones' networks would share"));
        }
    }
    return out;
}

}  // namespace

std::vector<GuestRule> settings_rules() {
    return {
        {"networkmanager-profiles", "no UUIDs or secrets in NetworkManager profiles", "SYSPREP.md B5",
         networkmanager_profiles},
        {"resolv-conf", "no resolver of the build network", "SYSPREP.md B10", resolver},
        {"boot-environment", "no marks of failed boots", "SYSPREP.md C9", boot_environment},
        {"grub-install-device", "GRUB is to be installed on no disk of the build machine", "SYSPREP.md C12",
         grub_install_device},
        {"snap-login", "no login of snapd", "SYSPREP.md D6", snap_login},
        {"libvirt-networks", "no UUIDs of nested networks", "SYSPREP.md D16", libvirt_networks},
    };
}

}  // namespace imgforge::sysprep::audit
