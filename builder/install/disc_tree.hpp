// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/install/control_file.hpp"

namespace imgforge::install {

/// A package that goes into the disc's pool, with the file that holds it.
struct PoolPackage {
    IndexedPackage package;
    std::filesystem::path file;
};

/// What the disc says of itself.
struct DiscIdentity {
    std::string suite;    ///< directory below dists: "bookworm"
    std::string product;  ///< "Debian GNU/Linux"
    std::string version;  ///< "12.12.0"
    std::string date;     ///< of the archive, RFC 2822
    std::string build;    ///< "20261121-02:49", the last word of .disk/info
    std::vector<std::string> udeb_include;
};

/// The files that boot the disc itself.
struct BootParts {
    std::string kernel;
    std::string initrd;
    std::string isolinux_bin;
    std::string ldlinux_c32;
    std::string isohdpfx_bin;
    std::string shim_efi;  ///< signed, started by the firmware
    std::string grub_efi;  ///< signed, for discs (gcdx64)
};

/// Lays out a Debian disc below `root`: pool, indices with their Release file, .disk, installer and boot
/// menus. The index stanzas are the archive's own, so that checksums reach from its signature to the
/// installed system. Source: debian-cd tools/start_new_disc and tools/make-image, cdrom-retriever,
/// base-installer.
void write_disc_tree(const std::filesystem::path& root, const DiscIdentity& identity,
                     const std::vector<PoolPackage>& debs, const std::vector<PoolPackage>& udebs,
                     const BootParts& boot);

/// "Debian 12.12.0 amd64 n": what debian-cd calls its netinst discs.
std::string volume_label(const DiscIdentity& identity);

/// Makes the El Torito FAT image with the EFI boot loaders at `root`/boot/grub/efi.img (mkfs.vfat and
/// mtools).
void write_efi_image(ProcessRunner& runner, const std::filesystem::path& root, const BootParts& boot);

/// The command that makes an ISO of the tree: BIOS and UEFI bootable, from CD and from a USB stick alike.
ProcessSpec disc_image_command(const std::filesystem::path& root, const std::filesystem::path& isohdpfx,
                               const std::string& label, std::int64_t date,
                               const std::filesystem::path& output);

}  // namespace imgforge::install
