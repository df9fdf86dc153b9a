// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/installer_parts.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/install/deb_file.hpp"
#include "builder/install/installer_initrd.hpp"
#include "builder/install/made_udebs.hpp"
#include "builder/install/udeb_set.hpp"

namespace imgforge::install {

namespace {

// Raise when repacking changes, so that discs made before are made anew.
constexpr const char* repack_revision = "repack 1";

std::vector<IndexedPackage> look_up(const PackageIndex& index, const std::vector<std::string>& names) {
    std::vector<IndexedPackage> packages;
    for (const std::string& name : names)
        packages.push_back(index.by_name(name));
    return packages;
}

/// The library packages were renamed by the 64-bit time_t transition.
std::string first_known(const PackageIndex& index, const std::vector<std::string>& names) {
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const std::string& name) { return index.has(name); });
    return found != names.end() ? *found : names.front();
}

class Collector {
public:
    Collector(const InstallerRequest& request, PackageCache& cache, ProcessRunner& runner)
        : request_(request), cache_(cache), runner_(runner) {
        parts_.suite = request.suite;
    }

    std::optional<InstallerParts> run(std::string& why_not) {
        if (!has_packages(why_not))
            return std::nullopt;
        const std::vector<std::string> abis = kernel_abis(request_.udebs->index());
        why_not = abis.empty() ? "its index has no installer kernel" : "";
        for (const std::string& abi : abis) {
            parts_.kernel_abi = abi;
            if (collect_components(why_not)) {
                collect_digests();
                return std::move(parts_);
            }
        }
        return std::nullopt;
    }

private:
    void step(std::string_view what, double share) const {
        if (request_.progress)
            request_.progress(what, share);
    }

    bool has_packages(std::string& why_not) {
        const templates::ArchiveSuite& suite = request_.suite;
        std::vector<std::string> names = suite.boot_packages;
        names.push_back(suite.netboot_package);
        for (const std::string& name : names) {
            if (!request_.packages->index().has(name)) {
                why_not = fmt::format("it has no package {}", name);
                return false;
            }
        }
        parts_.netboot = request_.packages->index().by_name(suite.netboot_package);
        parts_.boot = look_up(request_.packages->index(), suite.boot_packages);
        return true;
    }

    /// The big netboot package comes last, after the small ones have shown that it is worth it.
    bool collect_components(std::string& why_not) {
        const PackageIndex& index = request_.udebs->index();
        const templates::ArchiveSuite& suite = request_.suite;
        step(fmt::format("components for kernel {}", parts_.kernel_abi), 0.1);
        std::vector<std::string> unknown;
        std::vector<std::string> roots = suite.initrd_udebs;
        const std::vector<std::string> modules = module_udebs(suite.initrd_modules, parts_.kernel_abi);
        roots.insert(roots.end(), modules.begin(), modules.end());
        if (!fetch_known(look_up_roots(index, roots, unknown), why_not, unknown))
            return false;
        if (!fetch_netboot(why_not))
            return false;

        const std::set<std::string> installed = initrd_names();
        parts_.initrd_udebs =
            look_up(index, udeb_closure(index, roots, installed, parts_.kernel_abi, unknown));
        std::set<std::string> present = installed;
        for (const IndexedPackage& udeb : parts_.initrd_udebs)
            add_names(udeb, present);
        std::vector<std::string> pool_roots = suite.pool_udebs;
        const std::vector<std::string> pool_modules = module_udebs(suite.pool_modules, parts_.kernel_abi);
        pool_roots.insert(pool_roots.end(), pool_modules.begin(), pool_modules.end());
        parts_.pool = look_up(index, udeb_closure(index, pool_roots, present, parts_.kernel_abi, unknown));
        repack_if_needed();
        std::vector<IndexedPackage> all = parts_.initrd_udebs;
        all.insert(all.end(), parts_.pool.begin(), parts_.pool.end());
        return fetch_known(all, why_not, unknown) && fetch_boot(why_not);
    }

    static std::vector<IndexedPackage> look_up_roots(const PackageIndex& index,
                                                     const std::vector<std::string>& roots,
                                                     std::vector<std::string>& unknown) {
        std::vector<IndexedPackage> packages;
        for (const std::string& root : roots) {
            if (index.has(root))
                packages.push_back(index.by_name(root));
            else
                unknown.push_back(root);
        }
        return packages;
    }

    static void add_names(const IndexedPackage& udeb, std::set<std::string>& names) {
        names.insert(udeb.name);
        for (const DependencyChoice& provided : parse_dependencies(Stanza(udeb.stanza).field("Provides")))
            names.insert(provided.names.front());
    }

    bool fetch_known(const std::vector<IndexedPackage>& udebs, std::string& why_not,
                     const std::vector<std::string>& unknown) {
        if (!unknown.empty()) {
            why_not =
                fmt::format("its index lacks {} for kernel {}", fmt::join(unknown, ", "), parts_.kernel_abi);
            return false;
        }
        std::set<std::string> missing = cache_.fetch(*request_.udebs, udebs);
        if (missing.empty())
            return true;
        std::vector<std::string> some(missing.begin(), missing.end());
        const std::size_t count = some.size();
        some.resize(std::min<std::size_t>(count, 3));
        why_not =
            fmt::format("{} of {} components for kernel {} cannot be downloaded ({}{})", count, udebs.size(),
                        parts_.kernel_abi, fmt::join(some, ", "), count > some.size() ? ", …" : "");
        return false;
    }

    bool fetch_netboot(std::string& why_not) {
        step(fmt::format("{}", parts_.netboot.name), 0.3);
        if (cache_.fetch(*request_.packages, {parts_.netboot}).empty())
            return true;
        why_not = fmt::format("{} cannot be downloaded", parts_.netboot.name);
        return false;
    }

    bool fetch_boot(std::string& why_not) {
        step("boot loaders", 0.9);
        if (!cache_.fetch(*request_.packages, parts_.boot).empty()) {
            why_not = "its boot loaders cannot be downloaded";
            return false;
        }
        return parts_.e2fsprogs.empty() || cache_.fetch(*request_.pool_suite, parts_.e2fsprogs).empty();
    }

    std::set<std::string> initrd_names() {
        step("unpacking the installer", 0.6);
        InstallerInitrd initrd(netboot_initrd(parts_, cache_));
        initrd.drop_kernel();
        for (const std::string& name : request_.suite.dropped_udebs)
            initrd.drop(name);
        return initrd.installed();
    }

public:
    static std::string netboot_initrd(const InstallerParts& parts, const PackageCache& cache) {
        const std::filesystem::path package = cache.path_of(parts.netboot);
        // Unpacking 150 MB of xz takes long; the initrd in it is kept beside it.
        const std::filesystem::path kept = package.string() + ".initrd";
        if (std::filesystem::exists(kept))
            return read_file(kept);
        DebFile deb =
            read_deb(package, [&](const std::string& path) { return path == parts.suite.netboot_initrd; });
        if (deb.files.empty())
            throw Error(Failure::tool,
                        fmt::format("{} holds no {}", parts.netboot.name, parts.suite.netboot_initrd),
                        "templates/archives names the place of the initrd");
        write_file_atomically(kept, deb.files.front().bytes);
        return std::move(deb.files.front().bytes);
    }

private:
    /// e2fsprogs-udeb is made from the packages of the installed suite when that is another one (a newer
    /// mke2fs switches features on that its fsck does not know) or when the mirror does not have it;
    /// ntfs-3g-udeb only has to exist.
    void repack_if_needed() {
        std::set<std::string> missing;
        std::vector<IndexedPackage> kept;
        for (const IndexedPackage& udeb : parts_.pool) {
            const bool ext = udeb.name == e2fsprogs_udeb;
            const bool other_suite = request_.pool_suite->source().suite != request_.suite.suite;
            const bool here = (ext || udeb.name == ntfs_udeb) && !(ext && other_suite) &&
                              cache_.fetch(*request_.udebs, {udeb}).empty();
            if (here || (!ext && udeb.name != ntfs_udeb))
                kept.push_back(udeb);
            else
                (ext ? parts_.make_e2fsprogs : parts_.make_ntfs) = true;
        }
        parts_.pool = std::move(kept);
        if (!parts_.make_e2fsprogs)
            return;
        const PackageIndex& index = request_.pool_suite->index();
        parts_.e2fsprogs = look_up(index, {"e2fsprogs", first_known(index, {"libext2fs2t64", "libext2fs2"}),
                                           first_known(index, {"libcom-err2", "libcomerr2"})});
        parts_.notes.push_back(fmt::format("e2fsprogs-udeb is repacked from e2fsprogs {} of {}",
                                           parts_.e2fsprogs.front().version,
                                           request_.pool_suite->source().suite));
    }

    void collect_digests() {
        parts_.digests = {repack_revision, parts_.netboot.sha256};
        for (const auto* list : {&parts_.boot, &parts_.initrd_udebs, &parts_.pool, &parts_.e2fsprogs}) {
            for (const IndexedPackage& package : *list)
                parts_.digests.push_back(package.path + " " + package.sha256);
        }
        if (parts_.make_ntfs)
            parts_.notes.emplace_back("ntfs-3g-udeb is an empty stand-in");
    }

    const InstallerRequest& request_;
    PackageCache& cache_;
    ProcessRunner& runner_;
    InstallerParts parts_;
};

/// One file out of several unpacked packages, by the end of its path.
std::string file_of(const std::vector<DebFile>& packages, std::string_view ending) {
    for (const DebFile& package : packages) {
        for (const CpioEntry& entry : package.files) {
            if (entry.kind == CpioEntry::Kind::file && entry.path.ends_with(ending))
                return entry.bytes;
        }
    }
    throw Error(Failure::tool, fmt::format("no boot loader package of the archive holds {}", ending));
}

}  // namespace

std::optional<InstallerParts> collect_installer(const InstallerRequest& request, PackageCache& cache,
                                                ProcessRunner& runner, std::string& why_not) {
    return Collector(request, cache, runner).run(why_not);
}

BootParts build_boot_parts(const InstallerParts& parts, const PackageCache& cache, ProcessRunner& runner) {
    InstallerInitrd initrd(Collector::netboot_initrd(parts, cache));
    initrd.drop_kernel();
    for (const std::string& name : parts.suite.dropped_udebs)
        initrd.drop(name);
    for (const IndexedPackage& udeb : parts.initrd_udebs)
        initrd.add(read_deb(cache.path_of(udeb)));
    BootParts boot{.kernel = initrd.take_kernel()};
    const std::string version = initrd.index_modules(runner);
    if (version != parts.kernel_abi)
        throw Error(Failure::tool, fmt::format("the installer's modules are of kernel {}, its kernel of {}",
                                               version, parts.kernel_abi));
    initrd.set_medium("cdrom");
    boot.initrd = initrd.pack();

    std::vector<DebFile> packages;
    for (const IndexedPackage& package : parts.boot)
        packages.push_back(read_deb(cache.path_of(package)));
    boot.isolinux_bin = file_of(packages, "/isolinux.bin");
    boot.isohdpfx_bin = file_of(packages, "/isohdpfx.bin");
    boot.ldlinux_c32 = file_of(packages, "/bios/ldlinux.c32");
    boot.shim_efi = file_of(packages, "/shimx64.efi.signed");
    boot.grub_efi = file_of(packages, "/gcdx64.efi.signed");
    return boot;
}

}  // namespace imgforge::install
