// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/device_resolver.hpp"

#include <gmock/gmock.h>

namespace imgforge::guest {
namespace {

std::vector<FileSystem> disks() {
    return {{.mountable = "/dev/sda1", .type = "vfat", .uuid = "ABCD-1234", .label = "ESP"},
            {.mountable = "/dev/sda2",
             .type = "ext4",
             .uuid = "0a0b0c0d-0000-4000-8000-000000000001",
             .label = "boot"},
            {.mountable = "/dev/vg-main/root", .type = "xfs", .uuid = "0a0b0c0d-0000-4000-8000-000000000002"},
            {.mountable = "/dev/sdb1", .type = "btrfs", .uuid = "0a0b0c0d-0000-4000-8000-000000000003"}};
}

std::optional<std::string> found(
    const std::string& line,
    const DeviceResolver::PartitionGuid& guid = [](const std::string&) { return std::string(); }) {
    const auto file_systems = disks();
    return DeviceResolver(file_systems, guid).mountable(parse_fstab(line).at(0));
}

TEST(DeviceResolver, finds_by_uuid_in_any_case_and_quoted) {
    EXPECT_EQ(found("UUID=abcd-1234 /boot/efi vfat umask=0077"), "/dev/sda1");
    EXPECT_EQ(found("UUID=\"0A0B0C0D-0000-4000-8000-000000000001\" /boot ext4 defaults"), "/dev/sda2");
}

TEST(DeviceResolver, finds_by_label_and_links_of_udev) {
    EXPECT_EQ(found("LABEL=boot /boot ext4 defaults"), "/dev/sda2");
    EXPECT_EQ(found("/dev/disk/by-uuid/0a0b0c0d-0000-4000-8000-000000000001 /boot ext4 defaults"),
              "/dev/sda2");
}

TEST(DeviceResolver, takes_names_of_other_disk_controllers) {
    EXPECT_EQ(found("/dev/vda2 /boot ext4 defaults"), "/dev/sda2");
    EXPECT_EQ(found("/dev/nvme0n1p2 /boot ext4 defaults"), "/dev/sda2");
    EXPECT_EQ(found("/dev/xvdb1 /data btrfs defaults"), "/dev/sdb1");
}

TEST(DeviceResolver, knows_that_device_mapper_doubles_dashes) {
    EXPECT_EQ(found("/dev/mapper/vg--main-root / xfs defaults"), "/dev/vg-main/root");
}

TEST(DeviceResolver, adds_the_subvolume) {
    EXPECT_EQ(found("UUID=0a0b0c0d-0000-4000-8000-000000000003 / btrfs subvol=/@,compress=zstd"),
              "btrfsvol:/dev/sdb1/@");
    EXPECT_EQ(found("UUID=0a0b0c0d-0000-4000-8000-000000000003 / btrfs defaults"), "/dev/sdb1");
}

TEST(DeviceResolver, asks_for_partition_ids_only_when_named) {
    const auto guid = [](const std::string& partition) {
        return partition == "/dev/sda2" ? "6B0C" : "other";
    };
    EXPECT_EQ(found("PARTUUID=6b0c /boot ext4 defaults", guid), "/dev/sda2");
}

TEST(DeviceResolver, finds_partitions_by_their_name) {
    const auto file_systems = disks();
    const DeviceResolver resolver(
        file_systems, [](const std::string&) { return std::string(); },
        [](const std::string& partition) {
            return std::string(partition == "/dev/sda2" ? "boot disk" : "other");
        });
    EXPECT_EQ(resolver.mountable(parse_fstab("PARTLABEL=boot\\040disk /boot ext4 defaults").at(0)),
              "/dev/sda2");
    EXPECT_EQ(
        resolver.mountable(parse_fstab("/dev/disk/by-partlabel/boot\\x20disk /boot ext4 defaults").at(0)),
        "/dev/sda2");
}

TEST(DeviceResolver, takes_links_with_serial_numbers_by_partition_where_one_disk_fits) {
    EXPECT_EQ(found("/dev/disk/by-id/ata-QEMU_HARDDISK_QM00001-part2 /boot ext4 defaults"), "/dev/sda2");
    EXPECT_EQ(found("/dev/disk/by-path/pci-0000:00:04.0-part2 /boot ext4 defaults"), "/dev/sda2");
    EXPECT_EQ(found("/dev/disk/by-id/ata-QEMU_HARDDISK_QM00001-part1 /boot ext4 defaults"), std::nullopt)
        << "two disks have a first partition";
    EXPECT_EQ(found("/dev/disk/by-id/dm-name-vg--main-root / xfs defaults"), "/dev/vg-main/root");
}

TEST(DeviceResolver, has_no_answer_for_what_is_not_on_the_disks) {
    EXPECT_EQ(found("UUID=ffff-ffff /data ext4 defaults"), std::nullopt);
    EXPECT_EQ(found("LABEL= /data ext4 defaults"), std::nullopt);
}

TEST(Fstab, decodes_blanks_and_skips_comments) {
    const auto entries = parse_fstab(
        "# /dev/sda1 / ext4\n\nLABEL=a /my\\040data ext4 noatime,subvol=x 0 2\n/dev/sr0 /media/cdrom0 "
        "udf,iso9660 user,noauto\n");

    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].mount_point, "/my data");
    EXPECT_EQ(entries[0].option("subvol"), "x");
    EXPECT_TRUE(entries[0].has("noatime"));
}

TEST(Distro, is_told_by_id_and_by_what_it_is_like) {
    EXPECT_EQ(distro_of({{"ID", "almalinux"}}),
              std::pair(std::string("redhat-based"), std::string("redhat")));
    EXPECT_EQ(distro_of({{"ID", "pop"}, {"ID_LIKE", "ubuntu debian"}}).second, "debian");
    EXPECT_EQ(distro_of({}).second, "other");
}

}  // namespace
}  // namespace imgforge::guest
