// SPDX-License-Identifier: GPL-3.0-or-later
// Detection of every family on small ISOs that hold only marker files. Their installers are not run here.
#include "builder/install/media_probe.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/media/marker_iso.hpp"

namespace imgforge::install {
namespace {

using testing::HasSubstr;

using Files = std::map<std::string, std::string>;

struct Medium {
    const char* name;  ///< of the test
    const char* label;
    Files files;
    const char* distribution;
    const char* version;
    const char* arch;
    const char* kernel;
    bool offline;
    const char* kernel_line;  ///< a part of it that matters
};

Files with(Files files, const Files& more) {
    files.insert(more.begin(), more.end());
    return files;
}

const Files debian_boot = {{"install.amd/vmlinuz", "k"}, {"install.amd/initrd.gz", "i"}};
const Files casper_boot = {
    {"casper/vmlinuz", "k"},
    {"casper/initrd", "i"},
    {"casper/install-sources.yaml", ""},
    {"boot/grub/grub.cfg",
     "menuentry 'Try' {\n\tlinux\t/casper/vmlinuz  --- quiet fsck.mode=skip\n\tinitrd /casper/initrd\n}\n"}};
const Files pxe_boot = {{"images/pxeboot/vmlinuz", "k"}, {"images/pxeboot/initrd.img", "i"}};
const Files suse_boot = {{"boot/x86_64/loader/linux", "k"}, {"boot/x86_64/loader/initrd", "i"}};

std::string treeinfo(const std::string& family, const std::string& version) {
    return "[checksums]\nimages/boot.iso = sha256:0\n\n[general]\n; WARNING.0 = This section provides "
           "compatibility\narch = x86_64\nfamily "
           "= " +
           family + "\nname = " + family + " " + version +
           "\npackagedir = \nplatforms = x86_64,xen\ntimestamp = 1\nvariant = \nversion = " + version +
           "\n\n[header]\ntype = x\n";
}

const std::vector<Medium>& media() {
    static const std::vector<Medium> list = {
        {"debian11_netinst", "Debian 11.11.0 amd64 n",
         with(debian_boot,
              {{".disk/info",
                "Debian GNU/Linux 11.11.0 \"Bullseye\" - Official amd64 NETINST 20240831-11:55\n"},
               {".disk/base_installable", ""}}),
         "debian11", "11.11.0", "amd64", "install.amd/vmlinuz", true, "DEBIAN_FRONTEND=text"},
        {"debian12_netinst_firmware", "Debian 12.5.0 amd64 n",
         with(debian_boot, {{".disk/info",
                             "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 NETINST with firmware "
                             "20240210-11:27\n"},
                            {".disk/base_installable", ""}}),
         "debian12", "12.5.0", "amd64", "install.amd/vmlinuz", true,
         "auto=true priority=critical console=ttyS0,115200"},
        {"debian12_dvd", "Debian 12.5.0 amd64 1",
         with(debian_boot, {{".disk/info",
                             "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 DVD Binary-1 with "
                             "firmware 20240210-11:28\n"},
                            {".disk/base_installable", ""}}),
         "debian12", "12.5.0", "amd64", "install.amd/vmlinuz", true, "--- console=ttyS0,115200n8"},
        {"debian13_without_base", "Debian 13.1.0 amd64 n",
         with(debian_boot,
              {{".disk/info",
                "Debian GNU/Linux 13.1.0 \"Trixie\" - Official amd64 NETINST 20250906-10:22\n"}}),
         "debian13", "13.1.0", "amd64", "install.amd/vmlinuz", false, "TERM=dumb"},
        {"debian12_arm64",
         "Debian 12.5.0 arm64 n",
         {{"install.a64/vmlinuz", "k"},
          {"install.a64/initrd.gz", "i"},
          {".disk/info", "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official arm64 NETINST 20240210-11:27\n"}},
         "debian12",
         "12.5.0",
         "arm64",
         "install.a64/vmlinuz",
         false,
         "auto=true"},
        {"ubuntu2004",
         "Ubuntu-Server 20.04.6 LTS amd64",
         {{"casper/vmlinuz", "k"},
          {"casper/initrd", "i"},
          {"casper/filesystem.squashfs", ""},
          {".disk/info", "Ubuntu-Server 20.04.6 LTS \"Focal Fossa\" - Release amd64 (20230314)"}},
         "ubuntu2004",
         "20.04.6",
         "amd64",
         "casper/vmlinuz",
         true,
         "autoinstall console=ttyS0,115200"},
        {"ubuntu2204", "Ubuntu-Server 22.04.5 LTS amd64",
         with(casper_boot,
              {{".disk/info", "Ubuntu-Server 22.04.5 LTS \"Jammy Jellyfish\" - Release amd64 (20240911)"}}),
         "ubuntu2204", "22.04.5", "amd64", "casper/vmlinuz", true, "--- quiet fsck.mode=skip"},
        {"ubuntu2404_by_label", "Ubuntu-Server 24.04.1 LTS amd64", casper_boot, "ubuntu2404", "24.04.1",
         "amd64", "casper/vmlinuz", true, "autoinstall"},
        {"rhel9", "RHEL-9-4-0-BaseOS-x86_64",
         with(pxe_boot, {{".treeinfo", treeinfo("Red Hat Enterprise Linux", "9.4")},
                         {"BaseOS/repodata/repomd.xml", ""}}),
         "rhel9", "9.4", "x86_64", "images/pxeboot/vmlinuz", true,
         "inst.stage2=hd:LABEL=RHEL-9-4-0-BaseOS-x86_64"},
        {"rocky9_boot_iso", "Rocky-9-4-x86_64-dvd",
         with(pxe_boot, {{".treeinfo", treeinfo("Rocky Linux", "9.4")}}), "rocky9", "9.4", "x86_64",
         "images/pxeboot/vmlinuz", false, "inst.ks=file:/ks.cfg inst.cmdline inst.notmux"},
        {"alma8_isolinux_by_treeinfo",
         "custom label",
         {{"isolinux/vmlinuz", "k"},
          {"isolinux/initrd.img", "i"},
          {".treeinfo", treeinfo("AlmaLinux", "8.10")},
          {"BaseOS/repodata/repomd.xml", ""}},
         "alma8",
         "8.10",
         "x86_64",
         "isolinux/vmlinuz",
         true,
         "LABEL=custom\\x20label"},
        {"alma10", "AlmaLinux-10-0-x86_64-dvd",
         with(pxe_boot, {{".treeinfo", treeinfo("AlmaLinux", "10.0")}}), "alma10", "10.0", "x86_64",
         "images/pxeboot/vmlinuz", false, "console=ttyS0,115200"},
        {"centos_stream9", "CentOS-Stream-9-BaseOS-x86_64",
         with(pxe_boot, {{".treeinfo", treeinfo("CentOS Stream", "9")}, {"BaseOS/repodata/repomd.xml", ""}}),
         "centos-stream9", "9", "x86_64", "images/pxeboot/vmlinuz", true, "inst.cmdline"},
        {"fedora_server", "Fedora-S-dvd-x86_64-42",
         with(pxe_boot, {{".treeinfo", treeinfo("Fedora", "42")}, {"Packages/a", ""}}), "fedora", "42",
         "x86_64", "images/pxeboot/vmlinuz", true, "hd:LABEL=Fedora-S-dvd-x86_64-42"},
        {"opensuse_leap", "openSUSE-Leap-15.6-DVD-x86_64710",
         with(suse_boot, {{"media.1/products", "/ openSUSE-Leap 15.6-1\n"}, {"repodata/repomd.xml", ""}}),
         "opensuse", "15.6", "x86_64", "boot/x86_64/loader/linux", true,
         "autoyast=file:///autoinst.xml install=cd:/"},
        {"sles15", "SLE-15-SP6-Full-x86_64-GM",
         with(suse_boot,
              {{"media.1/products", "/ SLES15-SP6 15.6-0\n"}, {"Module-Basesystem/repodata/repomd.xml", ""}}),
         "sles15", "15 SP6", "x86_64", "boot/x86_64/loader/linux", true, "linemode=1"},
        {"rocky9_minimal", "Rocky-9-4-x86_64-dvd", with(pxe_boot, {{"Minimal/repodata/repomd.xml", ""}}),
         "rocky9", "9.4", "x86_64", "images/pxeboot/vmlinuz", true, "inst.cmdline"},
        {"oracle9", "OL-9-4-0-BaseOS-x86_64",
         with(pxe_boot,
              {{".treeinfo", treeinfo("Oracle Linux Server", "9.4")}, {"BaseOS/repodata/repomd.xml", ""}}),
         "oracle9", "9.4", "x86_64", "images/pxeboot/vmlinuz", true, "LABEL=OL-9-4-0-BaseOS-x86_64"},
        {"ubuntu2604", "Ubuntu-Server 26.04 LTS amd64",
         with(casper_boot,
              {{".disk/info", "Ubuntu-Server 26.04 LTS \"Resolute Raccoon\" - Release amd64 (20260423)\n"}}),
         "ubuntu2604", "26.04", "amd64", "casper/vmlinuz", true, "autoinstall"},
        {"ubuntu2510", "Ubuntu-Server 25.10 amd64",
         with(casper_boot,
              {{".disk/info", "Ubuntu-Server 25.10 \"Questing Quokka\" - Release amd64 (20251009)\n"}}),
         "ubuntu2510", "25.10", "amd64", "casper/vmlinuz", true, "autoinstall"},
        {"debian_testing", "Debian testing amd64 n",
         with(debian_boot, {{".disk/info",
                             "Debian GNU/Linux testing \"Forky\" - Official Snapshot amd64 NETINST "
                             "20260601-04:00\n"},
                            {".disk/base_installable", ""}}),
         "debian-testing", "testing", "amd64", "install.amd/vmlinuz", true, "auto=true"},
        {"kali", "Kali Linux amd64 n",
         with(debian_boot, {{".disk/info",
                             "Kali GNU/Linux 2026.1 \"Kali-last-snapshot\" - Official amd64 NETINST "
                             "20260301\n"},
                            {".disk/base_installable", ""}}),
         "kali", "2026.1", "amd64", "install.amd/vmlinuz", true, "auto=true"},
        {"devuan", "Devuan 5.0.0 amd64", debian_boot, "devuan", "5.0.0", "amd64", "install.amd/vmlinuz",
         false, "auto=true"},
        {"tumbleweed", "openSUSE-Tumbleweed-DVD-x86_64",
         with(suse_boot, {{"media.1/products", "/ openSUSE-20260601\n"}}), "tumbleweed", "20260601", "",
         "boot/x86_64/loader/linux", false, "autoyast=file:///autoinst.xml"},
        {"tumbleweed_agama", "agama-installer-openSUSE",
         with(suse_boot, {{"LiveOS/squashfs.img", ""},
                          {"boot/grub2/grub.cfg",
                           "menuentry \"Install openSUSE\" { linux /boot/x86_64/loader/linux "
                           "root=live:CDLABEL=agama rd.kiwi.live }\n"}}),
         "tumbleweed-agama", "", "", "boot/x86_64/loader/linux", false, "root=live:CDLABEL=agama"},
        {"leap16_agama", "Install-Leap-x86_64",
         with(
             suse_boot,
             {{"LiveOS/squashfs.img", ""},
              {"boot/grub2/grub.cfg",
               "menuentry \"Install openSUSE Leap 16.0\" {\n linux ($root)/boot/x86_64/loader/linux ${extra} "
               "root=live:CDLABEL=Install-Leap-x86_64 rd.live.image quiet\n}\n"}}),
         "opensuse16", "16.0", "", "boot/x86_64/loader/linux", false,
         "root=live:CDLABEL=Install-Leap-x86_64 rd.live.image inst.finish=poweroff"},
        {"alpine_virt",
         "alpine-virt 3.21.0 x86_64",
         {{"boot/vmlinuz-virt", "k"},
          {"boot/initramfs-virt", "i"},
          {".alpine-release", "alpine-virt-3.21.0 241205\n"},
          {"apks/x86_64/APKINDEX.tar.gz", ""}},
         "alpine",
         "3.21.0",
         "x86_64",
         "boot/vmlinuz-virt",
         true,
         "apkovl=/imgforge.apkovl.tar.gz"},
    };
    return list;
}

class ProbeMedia : public testing::TestWithParam<Medium> {
protected:
    void SetUp() override {
        if (!find_program("xorriso"))
            IMGFORGE_SKIP("tools", "xorriso is not installed");
    }
};

TEST_P(ProbeMedia, tells_product_version_and_boot_files) {
    const Medium& medium = GetParam();
    const TempDir dir;

    const MediaInfo info = probe_media(test::make_marker_iso(dir, medium.label, medium.files));

    EXPECT_EQ(info.distribution, medium.distribution);
    EXPECT_EQ(info.version, medium.version);
    EXPECT_EQ(info.label, medium.label);
    EXPECT_EQ(info.kernel, medium.kernel);
    EXPECT_EQ(info.offline, medium.offline);
    if (*medium.arch != '\0') {
        EXPECT_EQ(info.arch, medium.arch);
    }
    EXPECT_THAT(templates::render_kernel_line(templates::distribution(info.distribution), info.facts),
                HasSubstr(medium.kernel_line));
}

INSTANTIATE_TEST_SUITE_P(Families, ProbeMedia, testing::ValuesIn(media()),
                         [](const auto& tested) { return std::string(tested.param.name); });

struct Refusal {
    const char* name;
    const char* label;
    Files files;
    const char* reason;
};

class ProbeRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(ProbeRefusal, says_why_the_medium_cannot_be_used) {
    if (!find_program("xorriso"))
        IMGFORGE_SKIP("tools", "xorriso is not installed");
    const TempDir dir;
    const auto iso = test::make_marker_iso(dir, GetParam().label, GetParam().files);

    try {
        static_cast<void>(probe_media(iso));
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr(GetParam().reason));
        EXPECT_EQ(error.kind(), Failure::recipe);
    }
}

const std::vector<Refusal>& refusals() {
    static const std::vector<Refusal> list = {
        {"debian_live",
         "d-live 12.5.0 gn amd64",
         {{".disk/info", "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 LIVE"},
          {"live/filesystem.squashfs", ""}},
         "live image"},
        {"debian_mini", "ISOIMAGE", {{"linux", "k"}, {"initrd.gz", "i"}}, "mini.iso"},
        {"debian_second_dvd", "Debian 12.5.0 amd64 2",
         with(debian_boot, {{".disk/info",
                             "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 DVD Binary-2 with "
                             "firmware 20240210-11:28\n"}}),
         "not the first disc"},
        {"ubuntu_desktop",
         "Ubuntu 22.04.5 LTS amd64",
         {{"casper/vmlinuz", "k"},
          {"casper/initrd", "i"},
          {"casper/filesystem.squashfs", ""},
          {".disk/info", "Ubuntu 22.04.5 LTS \"Jammy Jellyfish\" - Release amd64 (20240911)"}},
         "desktop image"},
        {"fedora_live", "Fedora-WS-Live-42", {{"LiveOS/squashfs.img", ""}}, "live image"},
        {"unknown", "HOLIDAYS", {{"photos/beach.jpg", "x"}}, "volume id 'HOLIDAYS', with photos"},
        {"freebsd",
         "14_3_RELEASE_AMD64_CD",
         {{"boot/loader.efi", "x"}, {"boot/kernel/kernel", "x"}},
         "is a FreeBSD ISO, which imgforge cannot install: its installer bsdinstall is not supported"},
        {"nixos", "nixos-minimal-25.11-x86_64", {{"boot/bzImage", "k"}}, "is a NixOS ISO"},
        {"windows",
         "CCCOMA_X64FRE_EN-US_DV9",
         {{"sources/install.wim", "x"}, {"setup.exe", "x"}},
         "is a Microsoft Windows ISO"},
        {"proxmox", "PVE", {{"boot/linux26", "k"}, {".cd-info", "x"}}, "is a Proxmox VE ISO"},
        {"debian10_without_a_row", "Debian 10.13.0 amd64 n",
         with(debian_boot,
              {{".disk/info", "Debian GNU/Linux 10.13.0 \"Buster\" - Official amd64 NETINST 20220910\n"}}),
         "looks like Debian GNU/Linux 10.13.0 \"Buster\" with the installer of"},
        {"centos7_without_a_row", "CentOS 7 x86_64",
         with(pxe_boot,
              {{".treeinfo", "[general]\nname = CentOS-7\nfamily = CentOS\nversion = 7\narch = x86_64\n"}}),
         "looks like CentOS-7 with the installer of"},
        {"kernel_missing",
         "Debian 12.5.0 amd64 n",
         {{".disk/info", "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 NETINST 20240210-11:27\n"}},
         "kernel and initrd"},
    };
    return list;
}

INSTANTIATE_TEST_SUITE_P(Media, ProbeRefusal, testing::ValuesIn(refusals()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace imgforge::install
