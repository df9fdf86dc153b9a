// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/disc_tree.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/install/cpio.hpp"

namespace imgforge::install {

namespace {

constexpr const char* disc_arch = "amd64";
constexpr const char* efi_image_kib = "6144";

void put(const std::filesystem::path& file, std::string_view bytes) {
    make_directories(file.parent_path());
    write_file_atomically(file, bytes);
}

/// A pool file is the cache's own under another name, or a copy when the two lie on different file systems.
void put_package(const std::filesystem::path& root, const PoolPackage& package) {
    const std::filesystem::path target = root / package.package.path;
    make_directories(target.parent_path());
    std::error_code failed;
    std::filesystem::create_hard_link(package.file, target, failed);
    if (failed && !std::filesystem::exists(target))
        copy_file_fast(package.file, target);
}

std::string index_text(std::vector<PoolPackage> packages) {
    std::sort(packages.begin(), packages.end(),
              [](const PoolPackage& a, const PoolPackage& b) { return a.package.name < b.package.name; });
    std::string text;
    for (const PoolPackage& package : packages)
        text += package.package.stanza + "\n\n";
    return text;
}

struct ReleaseEntry {
    std::string path;
    std::string sha256;
    std::size_t size;
};

void put_index(const std::filesystem::path& suite_folder, const std::string& folder, const std::string& text,
               const std::string& suite, std::vector<ReleaseEntry>& entries) {
    const std::string release = fmt::format(
        "Archive: stable\nOrigin: Debian\nLabel: Debian\nSuite: stable\nCodename: {}\nComponent: "
        "main\nArchitecture: {}\n",
        suite, disc_arch);
    const std::vector<std::pair<std::string, std::string>> files = {{folder + "/Packages", text},
                                                                    {folder + "/Packages.gz", gzip(text, 9)},
                                                                    {folder + "/Release", release}};
    for (const auto& [path, bytes] : files) {
        put(suite_folder / path, bytes);
        entries.push_back({path, sha256_hex(bytes), bytes.size()});
    }
}

std::string release_text(const DiscIdentity& identity, const std::vector<ReleaseEntry>& entries) {
    std::string text = fmt::format(
        "Origin: Debian\nLabel: Debian\nSuite: stable\nVersion: {}\nCodename: {}\nDate: {}\nArchitectures: "
        "{}\n"
        "Components: main\nDescription: {} {} installation medium made by imgforge\nSHA256:\n",
        identity.version, identity.suite, identity.date, disc_arch, identity.product, identity.version);
    for (const ReleaseEntry& entry : entries)
        text += fmt::format(" {} {:>16} {}\n", entry.sha256, entry.size, entry.path);
    return text;
}

std::string capitalised(std::string word) {
    if (!word.empty() && word[0] >= 'a' && word[0] <= 'z')
        word[0] = static_cast<char>(word[0] - 'a' + 'A');
    return word;
}

void write_disk_info(const std::filesystem::path& root, const DiscIdentity& identity) {
    put(root / ".disk/info",
        fmt::format("{} {} \"{}\" - Unofficial {} NETINST {}\n", identity.product, identity.version,
                    capitalised(identity.suite), disc_arch, identity.build));
    // Tells base-installer that the base system comes from here; without it a mirror is wanted.
    put(root / ".disk/base_installable", "");
    put(root / ".disk/base_components", "main\n");
    put(root / ".disk/cd_type", "not_complete\n");
    put(root / ".disk/udeb_include", fmt::format("{}\n", fmt::join(identity.udeb_include, "\n")));
    // Old paths of apt-cdrom and of some answers.
    std::filesystem::create_symlink(".", root / "debian");
}

void write_boot_menus(const std::filesystem::path& root) {
    put(root / "isolinux/isolinux.cfg",
        "SERIAL 0 115200\nDEFAULT install\nPROMPT 0\nTIMEOUT 50\n"
        "LABEL install\n  KERNEL /install.amd/vmlinuz\n  APPEND initrd=/install.amd/initrd.gz --- quiet\n"
        "LABEL serial\n  KERNEL /install.amd/vmlinuz\n  APPEND initrd=/install.amd/initrd.gz "
        "console=ttyS0,115200 --- "
        "console=ttyS0,115200n8\n");
    put(root / "boot/grub/grub.cfg",
        "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\nset "
        "timeout=5\n"
        "menuentry 'Install' {\n  linux /install.amd/vmlinuz --- quiet\n  initrd /install.amd/initrd.gz\n}\n"
        "menuentry 'Install (serial console)' {\n  linux /install.amd/vmlinuz console=ttyS0,115200 --- "
        "console=ttyS0,115200n8\n"
        "  initrd /install.amd/initrd.gz\n}\n");
    // Where Debian's signed CD GRUB (gcdx64) looks: $prefix/x86_64-efi/grub.cfg of the disc that holds
    // /.disk/info.
    put(root / "boot/grub/x86_64-efi/grub.cfg", "source /boot/grub/grub.cfg\n");
}

}  // namespace

std::string volume_label(const DiscIdentity& identity) {
    return fmt::format("Debian {} {} n", identity.version, disc_arch);
}

void write_disc_tree(const std::filesystem::path& root, const DiscIdentity& identity,
                     const std::vector<PoolPackage>& debs, const std::vector<PoolPackage>& udebs,
                     const BootParts& boot) {
    for (const PoolPackage& package : debs)
        put_package(root, package);
    for (const PoolPackage& package : udebs)
        put_package(root, package);

    const std::filesystem::path suite_folder = root / "dists" / identity.suite;
    std::vector<ReleaseEntry> entries;
    put_index(suite_folder, fmt::format("main/binary-{}", disc_arch), index_text(debs), identity.suite,
              entries);
    put_index(suite_folder, fmt::format("main/debian-installer/binary-{}", disc_arch), index_text(udebs),
              identity.suite, entries);
    put(suite_folder / "Release", release_text(identity, entries));
    std::filesystem::create_symlink(identity.suite, root / "dists/stable");

    write_disk_info(root, identity);
    put(root / "install.amd/vmlinuz", boot.kernel);
    put(root / "install.amd/initrd.gz", boot.initrd);
    put(root / "isolinux/isolinux.bin", boot.isolinux_bin);
    put(root / "isolinux/ldlinux.c32", boot.ldlinux_c32);
    write_boot_menus(root);
}

void write_efi_image(ProcessRunner& runner, const std::filesystem::path& root, const BootParts& boot) {
    const std::filesystem::path image = root / "boot/grub/efi.img";
    const std::filesystem::path loaders = root.parent_path() / "efi" / "EFI";
    put(loaders / "BOOT/BOOTX64.EFI", boot.shim_efi);
    put(loaders / "BOOT/grubx64.efi", boot.grub_efi);
    // FAT begins in 1980; fixed times make the same image of the same loaders.
    const auto fixed =
        std::chrono::file_clock::from_sys(std::chrono::sys_seconds(std::chrono::seconds(315532800)));
    for (const std::filesystem::path& path :
         {loaders / "BOOT/BOOTX64.EFI", loaders / "BOOT/grubx64.efi", loaders / "BOOT", loaders})
        std::filesystem::last_write_time(path, fixed);
    std::filesystem::remove(image);
    const std::map<std::string, std::string> env = {{"SOURCE_DATE_EPOCH", "315532800"}, {"TZ", "UTC"}};
    run_checked(runner,
                {.program = find_program("mkfs.vfat").value_or("mkfs.vfat").string(),
                 .args = {"--invariant", "-C", "-i", "1DEB1A00", "-n", "EFI", image.string(), efi_image_kib},
                 .env = env});
    run_checked(runner, {.program = "mcopy",
                         .args = {"-s", "-m", "-i", image.string(), loaders.string(), "::/"},
                         .env = env});
}

ProcessSpec disc_image_command(const std::filesystem::path& root, const std::filesystem::path& isohdpfx,
                               const std::string& label, std::int64_t date,
                               const std::filesystem::path& output) {
    return {.program = "xorriso",
            .args = {"-as",
                     "mkisofs",
                     "-quiet",
                     "-r",
                     "-J",
                     "-joliet-long",
                     "-V",
                     label,
                     "-isohybrid-mbr",
                     isohdpfx.string(),
                     "-b",
                     "isolinux/isolinux.bin",
                     "-c",
                     "isolinux/boot.cat",
                     "-no-emul-boot",
                     "-boot-load-size",
                     "4",
                     "-boot-info-table",
                     "-eltorito-alt-boot",
                     "-e",
                     "boot/grub/efi.img",
                     "-no-emul-boot",
                     "-isohybrid-gpt-basdat",
                     "-o",
                     output.string(),
                     root.string()},
            .env = {{"SOURCE_DATE_EPOCH", std::to_string(date)}}};
}

}  // namespace imgforge::install
