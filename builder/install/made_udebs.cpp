// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/made_udebs.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "builder/install/deb_file.hpp"
#include "builder/install/installer_parts.hpp"

namespace imgforge::install {

namespace {

// The programs and libraries debian-installer's partitioner runs (debian/e2fsprogs-udeb.install of
// e2fsprogs).
constexpr std::array<std::string_view, 14> e2fsprogs_files = {
    "sbin/badblocks", "sbin/e2fsck",     "sbin/fsck.ext2", "sbin/fsck.ext3", "sbin/fsck.ext4",
    "sbin/mke2fs",    "sbin/mkfs.ext2",  "sbin/mkfs.ext3", "sbin/mkfs.ext4", "sbin/resize2fs",
    "sbin/tune2fs",   "etc/mke2fs.conf", "libext2fs.so.2", "libe2p.so.2"};

/// A udeb made here: written, measured and described as the archive's index would.
PoolPackage made_udeb(ProcessRunner& runner, const std::string& name, const std::string& version,
                      const std::string& depends, const std::vector<CpioEntry>& files,
                      const std::filesystem::path& folder) {
    const std::string control = fmt::format(
        "Package: {}\nVersion: {}\nArchitecture: amd64\nMaintainer: imgforge <root@localhost>\nSection: "
        "debian-installer\n"
        "Priority: optional\n{}Description: {} (made by imgforge for this medium)\n",
        name, version, depends.empty() ? "" : "Depends: " + depends + "\n", name);
    make_directories(folder);
    const std::filesystem::path file = folder / fmt::format("{}_{}_amd64.udeb", name, version);
    write_deb(runner, control, files, file);
    const std::string path =
        fmt::format("pool/main/{}/{}/{}", name.substr(0, 1), name, file.filename().string());
    IndexedPackage package{.name = name,
                           .version = version,
                           .path = path,
                           .sha256 = sha256_file(file),
                           .size = std::filesystem::file_size(file)};
    // Old versions of anna look at the MD5 sum only.
    const std::string md5 =
        run_checked(runner, {.program = "md5sum", .args = {file.string()}}).out.substr(0, 32);
    package.stanza = fmt::format("{}Filename: {}\nSize: {}\nMD5sum: {}\nSHA256: {}", control, path,
                                 package.size, md5, package.sha256);
    return {package, file};
}

PoolPackage make_e2fsprogs(const InstallerParts& parts, const PackageCache& cache, ProcessRunner& runner,
                           const std::filesystem::path& folder) {
    std::vector<CpioEntry> files;
    for (const IndexedPackage& package : parts.e2fsprogs) {
        for (CpioEntry& entry : read_deb(cache.path_of(package)).files) {
            const bool library = entry.path.find(".so.2") != std::string::npos;
            const bool wanted =
                library ||
                std::any_of(e2fsprogs_files.begin(), e2fsprogs_files.end(), [&](std::string_view ending) {
                    return entry.path == ending || entry.path.ends_with("/" + std::string(ending));
                });
            if (!wanted || entry.kind == CpioEntry::Kind::directory)
                continue;
            // The installer's initrd has a merged /usr: a package with /sbin would not be found there by
            // udpkg.
            if (entry.path.starts_with("sbin/") || entry.path.starts_with("lib/"))
                entry.path.insert(0, "usr/");
            files.push_back(std::move(entry));
        }
    }
    return made_udeb(runner, e2fsprogs_udeb, parts.e2fsprogs.front().version + "~imgforge1",
                     "libblkid1-udeb, libc6-udeb, libuuid1-udeb", files, folder);
}

}  // namespace

std::vector<PoolPackage> pool_udebs(const InstallerParts& parts, const PackageCache& cache,
                                    ProcessRunner& runner, const std::filesystem::path& folder) {
    std::vector<PoolPackage> packages;
    for (const IndexedPackage& package : parts.pool)
        packages.push_back({package, cache.path_of(package)});
    if (parts.make_e2fsprogs)
        packages.push_back(make_e2fsprogs(parts, cache, runner, folder));
    if (parts.make_ntfs)
        packages.push_back(made_udeb(runner, ntfs_udeb, "1:0~imgforge1", "", {}, folder));
    return packages;
}

}  // namespace imgforge::install
