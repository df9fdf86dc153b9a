// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::templates {

/// What `media create SUITE` assembles: data only, from templates/archives/SUITE.yaml laid over the file it
/// extends.
struct ArchiveSuite {
    std::string suite;         ///< "bookworm"
    std::string distribution;  ///< row of templates/distributions
    std::string version;       ///< "12"
    std::string keyring;       ///< file with the archive's keys on this host
    std::string keyring_package;
    std::vector<std::string> installers;      ///< suites whose installer may be used, best first
    std::vector<std::string> packages;        ///< apt patterns and names for the pool
    std::vector<std::string> extra_packages;  ///< added to them
    std::vector<std::string> efi_packages;    ///< resolved apart, because they exclude grub-pc
    std::vector<std::string> boot_packages;   ///< boot loaders of the disc
    std::string netboot_package;              ///< Debian package with the installer's initrd
    std::string netboot_initrd;               ///< path of the initrd in it
    std::vector<std::string> initrd_udebs;
    std::vector<std::string> initrd_modules;  ///< kernel module udebs without ABI and "-di"
    std::vector<std::string> dropped_udebs;   ///< of the netboot flavour only
    std::vector<std::string> pool_udebs;
    std::vector<std::string> pool_modules;
    std::vector<std::string> udeb_include;  ///< content of .disk/udeb_include
};

/// Names of all suites that can be assembled, sorted.
std::vector<std::string> archive_suites();

/// The suite's data; throws Failure::usage with a suggestion when there is none.
ArchiveSuite archive_suite(std::string_view name);

}  // namespace imgforge::templates
