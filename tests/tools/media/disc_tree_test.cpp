// SPDX-License-Identifier: GPL-3.0-or-later
// A disc laid out by us, written by xorriso, read back by xorriso, libiso9660 and the probe.
#include "builder/install/disc_tree.hpp"

#include <gmock/gmock.h>

#include "builder/base/digest.hpp"
#include "builder/install/cpio.hpp"
#include "builder/install/media_probe.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/media/marker_iso.hpp"

namespace imgforge::install {
namespace {

using testing::HasSubstr;

constexpr const char* mbr = "/usr/lib/ISOLINUX/isohdpfx.bin";
constexpr const char* isolinux = "/usr/lib/ISOLINUX/isolinux.bin";

PoolPackage package(const TempDir& dir, const std::string& name) {
    write_file_atomically(dir / name, "content of " + name);
    const std::string path = "pool/main/" + name.substr(0, 1) + "/" + name;
    return {{.name = name,
             .version = "1",
             .path = path,
             .sha256 = "",
             .size = 0,
             .stanza = "Package: " + name + "\nFilename: " + path},
            dir / name};
}

struct Disc {
    TempDir dir;
    SystemProcessRunner runner;
    std::filesystem::path iso{dir / "out.iso"};
    Disc() {
        const DiscIdentity identity{.suite = "bookworm",
                                    .product = "Debian GNU/Linux",
                                    .version = "12.15.0",
                                    .date = "Sat, 21 Nov 2026 02:49:09 UTC",
                                    .build = "20261121-02:49",
                                    .udeb_include = {"netcfg"}};
        const BootParts boot{.kernel = "kernel",
                             .initrd = "initrd",
                             .isolinux_bin = read_file(isolinux),
                             .ldlinux_c32 = "c32",
                             .shim_efi = "shim",
                             .grub_efi = "grub"};
        make_directories(dir / "work/disc");
        write_disc_tree(dir / "work/disc", identity, {package(dir, "bash.deb")}, {package(dir, "anna.udeb")},
                        boot);
        write_efi_image(runner, dir / "work/disc", boot);
        run_checked(runner,
                    disc_image_command(dir / "work/disc", mbr, volume_label(identity), 1795229349, iso));
    }
};

bool prerequisites() {
    return find_program("xorriso") && find_program("mcopy") && find_program("mkfs.vfat") &&
           std::filesystem::exists(mbr);
}

TEST(DiscTree, is_recognised_as_an_offline_debian_medium) {
    if (!prerequisites())
        IMGFORGE_SKIP("tools", "xorriso, mtools, dosfstools or isolinux is not installed");
    const Disc disc;

    const MediaInfo info = probe_media(disc.iso);

    EXPECT_EQ(info.distribution, "debian12");
    EXPECT_EQ(info.version, "12.15.0");
    EXPECT_TRUE(info.offline);
}

TEST(DiscTree, release_file_lists_the_indices_with_their_digests) {
    if (!prerequisites())
        IMGFORGE_SKIP("tools", "xorriso, mtools, dosfstools or isolinux is not installed");
    const Disc disc;
    const image::IsoReader iso(disc.iso);

    const std::string udebs = iso.read("dists/stable/main/debian-installer/binary-amd64/Packages");
    const std::string release = iso.read("dists/bookworm/Release");

    EXPECT_THAT(udebs, HasSubstr("Package: anna.udeb"));
    EXPECT_THAT(release, HasSubstr(sha256_hex(udebs)));
    EXPECT_THAT(release, HasSubstr("main/debian-installer/binary-amd64/Packages.gz"));
    EXPECT_EQ(
        decompress(iso.read("dists/bookworm/main/debian-installer/binary-amd64/Packages.gz"), 1U << 20U),
        udebs);
    EXPECT_EQ(iso.read("pool/main/b/bash.deb"), "content of bash.deb");
}

TEST(DiscTree, boots_by_bios_and_uefi) {
    if (!prerequisites())
        IMGFORGE_SKIP("tools", "xorriso, mtools, dosfstools or isolinux is not installed");
    Disc disc;

    const ProcessResult report =
        run_checked(disc.runner, {.program = "xorriso",
                                  .args = {"-indev", disc.iso.string(), "-report_el_torito", "plain",
                                           "-report_system_area", "plain"}});

    EXPECT_THAT(report.out, HasSubstr("BIOS"));
    EXPECT_THAT(report.out, HasSubstr("UEFI"));
    EXPECT_THAT(report.out, HasSubstr("isohybrid"));
}

TEST(DiscTree, same_content_gives_the_same_image) {
    if (!prerequisites())
        IMGFORGE_SKIP("tools", "xorriso, mtools, dosfstools or isolinux is not installed");
    const Disc first;
    const Disc second;

    const auto files = [](const Disc& disc) {
        std::map<std::string, std::string> digests;
        const image::IsoReader iso(disc.iso);
        for (const image::IsoEntry& entry : iso.walk()) {
            if (entry.kind == image::IsoEntry::Kind::file)
                digests[entry.path] = sha256_hex(iso.read(entry.path, 64U << 20U));
        }
        return digests;
    };

    EXPECT_EQ(files(first), files(second));
}

}  // namespace
}  // namespace imgforge::install
