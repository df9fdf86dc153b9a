// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/install/apt_archive.hpp"
#include "builder/install/disc_tree.hpp"
#include "builder/install/package_cache.hpp"
#include "templates/archive.hpp"

namespace imgforge::install {

/// What is asked of one suite's installer.
struct InstallerRequest {
    templates::ArchiveSuite suite;     ///< whose installer
    AptArchive* packages = nullptr;    ///< its packages (netboot initrd, boot loaders)
    AptArchive* udebs = nullptr;       ///< its installer components
    AptArchive* pool_suite = nullptr;  ///< suite that is installed; e2fsprogs comes from it
    std::function<void(std::string_view step, double share)> progress{};
};

/// A complete set, downloaded. `digests` stands for its content.
struct InstallerParts {
    templates::ArchiveSuite suite;
    std::string kernel_abi;
    IndexedPackage netboot;
    std::vector<IndexedPackage> boot;  ///< packages with the disc's boot loaders
    std::vector<IndexedPackage>
        initrd_udebs;                  ///< to be put into the initrd, kernel image and modules among them
    std::vector<IndexedPackage> pool;  ///< installer components for the disc
    std::vector<IndexedPackage> e2fsprogs;  ///< packages e2fsprogs-udeb is made from
    bool make_e2fsprogs = false;            ///< e2fsprogs-udeb is repacked from them
    bool make_ntfs = false;                 ///< ntfs-3g-udeb is an empty stand-in
    std::vector<std::string> digests;
    std::vector<std::string> notes;
};

/// Finds a kernel ABI of which the mirror has everything, and downloads it with the components the disc
/// needs. Nothing, with the reason in `why_not`, when the mirror has no complete set.
std::optional<InstallerParts> collect_installer(const InstallerRequest& request, PackageCache& cache,
                                                ProcessRunner& runner, std::string& why_not);

/// Makes the disc's initrd from the netboot one and takes the boot files out of their packages.
BootParts build_boot_parts(const InstallerParts& parts, const PackageCache& cache, ProcessRunner& runner);

/// The installer components with those made here (in `folder`).
std::vector<PoolPackage> pool_udebs(const InstallerParts& parts, const PackageCache& cache,
                                    ProcessRunner& runner, const std::filesystem::path& folder);

}  // namespace imgforge::install
