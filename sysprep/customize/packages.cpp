// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "sysprep/customize/customize.hpp"

namespace imgforge::sysprep {

namespace {

std::string quoted(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += " " + shell_quote(word);
    }
    return text;
}

// Names after "--", so that none is taken for an option.
std::string debian(PackageAction action, const std::string& names) {
    const std::string apt =
        "export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true NEEDRESTART_SUSPEND=1; "
        "apt-get -q -y -o Dpkg::Use-Pty=0 ";
    switch (action) {
        // Else a repository that does not answer is a warning only (apt-get(8)), and a refresh would find
        // "nothing new".
        case PackageAction::refresh: return apt + "-o APT::Update::Error-Mode=any update";
        case PackageAction::upgrade:
            return apt + "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade";
        case PackageAction::install: return apt + "-o Dpkg::Options::=--force-confold install --" + names;
        case PackageAction::remove: return apt + "purge --" + names + " && " + apt + "autoremove";
        case PackageAction::clean: return apt + "clean";
    }
    return {};
}

std::string redhat(const guest::Inspection& os, PackageAction action, const std::string& names) {
    const std::string dnf = os.major > 0 && os.major < 8 && os.distro != "fedora" ? "yum -y" : "dnf -y";
    switch (action) {
        case PackageAction::refresh: return dnf + " makecache";
        case PackageAction::upgrade: return dnf + " upgrade";
        case PackageAction::install: return dnf + " install" + names;
        case PackageAction::remove: return dnf + " remove" + names;
        case PackageAction::clean: return dnf + " clean all";
    }
    return {};
}

std::string suse(PackageAction action, const std::string& names) {
    const std::string zypper = "zypper --non-interactive ";
    switch (action) {
        case PackageAction::refresh: return zypper + "refresh";
        case PackageAction::upgrade: return zypper + "update";
        case PackageAction::install: return zypper + "install --auto-agree-with-licenses --" + names;
        case PackageAction::remove: return zypper + "remove --clean-deps --" + names;
        case PackageAction::clean: return zypper + "clean --all";
    }
    return {};
}

std::string alpine(PackageAction action, const std::string& names) {
    switch (action) {
        case PackageAction::refresh: return "apk update";
        case PackageAction::upgrade: return "apk upgrade";
        case PackageAction::install: return "apk add" + names;
        case PackageAction::remove: return "apk del" + names;
        case PackageAction::clean: return "rm -f /var/cache/apk/*";
    }
    return {};
}

std::string arch(PackageAction action, const std::string& names) {
    switch (action) {
        case PackageAction::refresh: return "pacman -Sy --noconfirm";
        case PackageAction::upgrade: return "pacman -Syu --noconfirm";
        case PackageAction::install: return "pacman -S --noconfirm --needed --" + names;
        case PackageAction::remove: return "pacman -Rns --noconfirm --" + names;
        case PackageAction::clean: return "pacman -Scc --noconfirm";
    }
    return {};
}

}  // namespace

std::string package_command(const guest::Inspection& os, PackageAction action,
                            const std::vector<std::string>& packages) {
    for (const std::string& name : packages) {
        if (name.empty() || name.front() == '-') {
            throw Error(Failure::recipe, fmt::format("invalid package name '{}'", name));
        }
    }
    const std::string names = quoted(packages);
    if (os.family == "debian" || os.package_format == "deb") {
        return debian(action, names);
    }
    if (os.family == "suse") {
        return suse(action, names);
    }
    if (os.family == "redhat" || os.package_format == "rpm") {
        return redhat(os, action, names);
    }
    if (os.package_format == "apk") {
        return alpine(action, names);
    }
    if (os.package_format == "pacman") {
        return arch(action, names);
    }
    throw Error(Failure::guest, fmt::format("no package manager known for {} ({})", os.product, os.distro),
                "use `run:` with the commands of the guest");
}

}  // namespace imgforge::sysprep
