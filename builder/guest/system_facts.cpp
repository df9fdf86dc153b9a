// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/system_facts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <tuple>
#include <utility>

#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/os_files.hpp"

namespace imgforge::guest {

namespace {

void read_architecture(Appliance& appliance, GuestFs& fs, Inspection& os) {
    for (const std::string_view program : {"/bin/sh", "/usr/bin/env", "/bin/busybox", "/usr/bin/bash"}) {
        const auto target = fs.resolve(program);
        if (!target || !fs.is_file(*target)) {
            continue;
        }
        std::size_t got = 0;
        char* raw = appliance.attempt(
            "ELF header", [&](guestfs_h* g) { return guestfs_pread(g, target->c_str(), 20, 0, &got); });
        const std::string header = raw == nullptr ? std::string() : std::string(raw, got);
        std::free(raw);
        if (header.size() < 20 || header.substr(0, 4) !=
                                      "\x7f"
                                      "ELF") {
            continue;
        }
        // e_machine (elf.h): 62 x86-64, 183 AArch64, 3 i386, 243 RISC-V, 22 s390, 21 PPC64
        switch (static_cast<unsigned char>(header[18]) | static_cast<unsigned char>(header[19])) {
            case 62: os.arch = "x86_64"; return;
            case 183: os.arch = "aarch64"; return;
            case 3: os.arch = "i386"; return;
            case 243: os.arch = "riscv64"; return;
            case 22: os.arch = "s390x"; return;
            case 21: os.arch = "ppc64le"; return;
            default: break;
        }
    }
}

/// The ID that os-release(5) would have, of a system older than it.
std::string distribution_by_file(GuestFs& fs) {
    static constexpr std::array<std::pair<const char*, const char*>, 8> files{
        {{"/etc/fedora-release", "fedora"},
         {"/etc/centos-release", "centos"},
         {"/etc/redhat-release", "rhel"},
         {"/etc/SuSE-release", "opensuse"},
         {"/etc/alpine-release", "alpine"},
         {"/etc/arch-release", "arch"},
         {"/etc/lsb-release", "ubuntu"},
         {"/etc/debian_version", "debian"}}};
    for (const auto& [file, id] : files) {
        if (fs.exists(file)) {
            return id;
        }
    }
    return {};
}

}  // namespace

std::string read_small(GuestFs& fs, std::string_view path) {
    const auto target = fs.resolve(path);
    return target && fs.is_file(*target) ? fs.read(*target, 1U << 20U) : std::string();
}

void read_system(Appliance& appliance, GuestFs& fs, Inspection& os) {
    std::string text = read_small(fs, "/etc/os-release");
    if (text.empty()) {
        text = read_small(fs, "/usr/lib/os-release");
    }
    auto release = parse_key_values(text);
    if (text.empty()) {
        release["ID"] = distribution_by_file(fs);
    }
    const auto get = [&](const char* key) {
        const auto found = release.find(key);
        return found == release.end() ? std::string() : found->second;
    };
    os.type = "linux";
    std::tie(os.distro, os.family) = distro_of(release);
    os.codename = get("VERSION_CODENAME");
    os.product = get("PRETTY_NAME");
    const std::string version = get("VERSION_ID");
    const char* end = std::from_chars(version.data(), version.data() + version.size(), os.major).ptr;
    if (end < version.data() + version.size() && *end == '.') {
        std::from_chars(end + 1, version.data() + version.size(), os.minor);
    }
    const auto marks =
        fs.glob_all({"/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/sbin/openrc-run",
                     "/usr/bin/openrc-run", "/var/lib/dpkg/status", "/var/lib/rpm", "/usr/lib/sysimage/rpm",
                     "/lib/apk/db", "/usr/lib/apk/db", "/var/lib/pacman/local"});
    const auto has = [&](std::string_view mark) {
        return std::find(marks.begin(), marks.end(), mark) != marks.end();
    };
    os.init = has("/usr/lib/systemd/systemd") || has("/lib/systemd/systemd") ? "systemd"
              : has("/sbin/openrc-run") || has("/usr/bin/openrc-run")        ? "openrc"
                                                                             : "other";
    os.package_format = has("/var/lib/dpkg/status")                           ? "deb"
                        : has("/lib/apk/db") || has("/usr/lib/apk/db")        ? "apk"
                        : has("/var/lib/pacman/local")                        ? "pacman"
                        : has("/var/lib/rpm") || has("/usr/lib/sysimage/rpm") ? "rpm"
                                                                              : "";
    std::string name = read_small(fs, "/etc/hostname");
    if (name.empty()) {
        name = read_small(fs, "/etc/HOSTNAME");
    }
    os.hostname = name.substr(0, name.find_first_of(" \t\r\n"));
    read_architecture(appliance, fs, os);
}

}  // namespace imgforge::guest
