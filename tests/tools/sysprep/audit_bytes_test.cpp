// SPDX-License-Identifier: GPL-3.0-or-later
// Secrets planted where only a search of raw bytes finds them, on images of every kind. The secrets were made
// up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/overlay.hpp"
#include "builder/image/qemu_img.hpp"
#include "sysprep/audit/audit.hpp"
#include "tests/support/require.hpp"

namespace imgforge::sysprep::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto secret = "the-old-machine-id-4711";

class AuditBytes : public ::testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img") || !find_program("qemu-io")) {
            IMGFORGE_SKIP("tools", "qemu-img or qemu-io is not installed (package qemu-utils)");
        }
        image::create_empty_qcow2(folder_ / "disk.qcow2", ByteSize::mib(64));
        needles_.items = {{"machine-id", "old machine-id", secret, "/etc/machine-id"}};
    }
    void io(const std::string& name, const std::string& command) {
        run_checked(runner_, {.program = "qemu-io",
                              .args = {"-f", "qcow2", "-c", command, (folder_ / name).string()}});
    }
    /// Writes text at an offset of the virtual disk.
    void plant(const std::string& name, std::uint64_t offset, const std::string& text) {
        const std::uint64_t start = offset / 512 * 512;
        std::string sectors(1024, 'x');
        sectors.replace(offset - start, text.size(), text);
        write_file_atomically(folder_ / "sectors", sectors);
        io(name, "write -s " + (folder_ / "sectors").string() + " " + std::to_string(start) + " 1024");
    }
    Report audit(const std::string& name, image::DiskFormat format = image::DiskFormat::qcow2) {
        const std::string before = sha256_file(folder_ / name);
        Report report = audit_bytes({.disk = folder_ / name, .format = format, .overlay_expected = true},
                                    needles_, runner_, monitor_, work_.path());
        EXPECT_EQ(sha256_file(folder_ / name), before) << "an audit changes nothing";
        EXPECT_THAT(report.text() + report.to_json().dump(), Not(HasSubstr(secret)))
            << "a report never holds the secret";
        return report;
    }
    /// "layer rule path offset" of each finding.
    static std::vector<std::string> places(const Report& report) {
        std::vector<std::string> out;
        for (const Finding& finding : report.findings) {
            out.push_back(finding.layer + " " + finding.rule + " " +
                          std::to_string(finding.offset.value_or(0)));
        }
        return out;
    }
    SystemProcessRunner runner_;
    RecordingMonitor monitor_;
    TempDir folder_{"tools"};
    TempDir work_{"tools"};
    Needles needles_;
};

TEST_F(AuditBytes, a_clean_disk_is_clean) {
    io("disk.qcow2", "write -P 65 0 8M");

    EXPECT_TRUE(audit("disk.qcow2").clean());
}

TEST_F(AuditBytes, free_space_and_the_borders_of_pieces_are_searched) {
    for (const std::uint64_t offset :
         {3'000'000ULL, (4ULL << 20U) - 7, (8ULL << 20U) - 1, (64ULL << 20U) - 512}) {
        image::create_empty_qcow2(folder_ / ("d" + std::to_string(offset)), ByteSize::mib(64));
        io("d" + std::to_string(offset), "write -P 65 0 12M");
        if (offset < (63ULL << 20U)) {
            plant("d" + std::to_string(offset), offset, secret);
        } else {
            write_file_atomically(folder_ / "sectors",
                                  secret + std::string(512 - std::string(secret).size(), 'x'));
            io("d" + std::to_string(offset),
               "write -s " + (folder_ / "sectors").string() + " " + std::to_string(offset) + " 512");
        }

        EXPECT_THAT(places(audit("d" + std::to_string(offset))),
                    ElementsAre("disk needle:machine-id " + std::to_string(offset)));
    }
}

TEST_F(AuditBytes, a_secret_across_clusters_that_lie_apart_in_the_file_is_found) {
    io("disk.qcow2", "write -P 65 64k 64k");
    io("disk.qcow2", "write -P 65 0 64k");
    plant("disk.qcow2", 65536 - 9, secret);

    EXPECT_THAT(places(audit("disk.qcow2")),
                ElementsAre("disk needle:machine-id " + std::to_string(65536 - 9)));
}

TEST_F(AuditBytes, a_freed_cluster_is_found_in_the_file) {
    plant("disk.qcow2", 1U << 20U, secret);
    io("disk.qcow2", "write -z 1M 64k");

    const Report report = audit("disk.qcow2");

    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].layer, "host-file");
    EXPECT_EQ(report.findings[0].path, "disk.qcow2");
}

TEST_F(AuditBytes, what_an_overlay_replaced_is_found_in_its_base) {
    plant("disk.qcow2", 1U << 20U, secret);
    image::create_overlay({.overlay = folder_ / "top.qcow2", .backing = folder_ / "disk.qcow2"});
    io("top.qcow2", "write -P 65 1M 64k");

    const Report report = audit("top.qcow2");

    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].layer, "host-file");
    EXPECT_EQ(report.findings[0].path, "disk.qcow2") << "the layer that holds it";
}

TEST_F(AuditBytes, what_an_overlay_still_shows_names_the_base) {
    plant("disk.qcow2", 1U << 20U, secret);
    image::create_overlay({.overlay = folder_ / "top.qcow2", .backing = folder_ / "disk.qcow2"});

    const Report report = audit("top.qcow2");

    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].layer, "disk");
    EXPECT_THAT(report.findings[0].detail, HasSubstr("in disk.qcow2"));
}

TEST_F(AuditBytes, compressed_clusters_and_raw_disks_are_searched) {
    plant("disk.qcow2", 1U << 20U, secret);
    using image::qemu_img::Compression;
    image::qemu_img::run_convert(
        runner_,
        {.from = folder_ / "disk.qcow2", .to = folder_ / "packed.qcow2", .compression = Compression::zstd});
    image::qemu_img::run_convert(
        runner_,
        {.from = folder_ / "disk.qcow2", .to = folder_ / "disk.raw", .to_format = image::DiskFormat::raw});

    EXPECT_THAT(places(audit("packed.qcow2")), ::testing::Contains("disk needle:machine-id 1048576"));
    EXPECT_THAT(places(audit("disk.raw", image::DiskFormat::raw)),
                ElementsAre("disk needle:machine-id 1048576"));
}

TEST_F(AuditBytes, snapshots_inside_the_file_are_a_finding) {
    run_checked(runner_, {.program = "qemu-img",
                          .args = {"snapshot", "-c", "before", (folder_ / "disk.qcow2").string()}});

    EXPECT_THAT(places(audit("disk.qcow2")), ElementsAre("structure image-standalone 0"));
}

TEST_F(AuditBytes, partitions_are_named) {
    run_checked(runner_, {.program = "qemu-img",
                          .args = {"convert", "-f", "qcow2", "-O", "raw", (folder_ / "disk.qcow2").string(),
                                   (folder_ / "p.raw").string()}});
    // One MBR entry: type 0x83, from sector 2048, 65536 sectors.
    std::string table = std::string(446, '\0') + std::string("\0\0\0\0\x83\0\0\0\0\x08\0\0\0\0\x01\0", 16) +
                        std::string(48, '\0') + "\x55\xaa";
    std::string disk = read_file(folder_ / "p.raw");
    disk.replace(0, table.size(), table);
    disk.replace((1U << 20U) + 5000, std::string(secret).size(), secret);
    disk.replace((40U << 20U), std::string(secret).size(), secret);
    write_file_atomically(folder_ / "p.raw", disk);

    const Report report = audit("p.raw", image::DiskFormat::raw);

    ASSERT_EQ(report.findings.size(), 2U);
    EXPECT_EQ(report.findings[0].path, "partition 1");
    EXPECT_EQ(report.findings[1].path, "space between partitions");
}

}  // namespace
}  // namespace imgforge::sysprep::audit
