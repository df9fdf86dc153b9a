// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/disk_format.hpp"

#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/overlay.hpp"

namespace imgforge::image {
namespace {

TEST(DiskFormat, every_name_reads_back) {
    for (const auto name : disk_format_names()) {
        EXPECT_EQ(to_string(parse_disk_format(name)), name);
    }
    EXPECT_THROW(static_cast<void>(parse_disk_format("qcow")), Error);
}

TEST(SniffDiskFormat, knows_the_signatures_and_takes_the_rest_for_raw) {
    const TempDir folder("unit");
    create_empty_qcow2(folder / "a", ByteSize::mib(1));
    write_file_atomically(folder / "b", "vhdxfile....");
    write_file_atomically(folder / "c", std::string(512, '\0'));
    write_file_atomically(folder / "d", std::string(64, 'x') + std::string("\x7f\x10\xda\xbe....", 8));
    write_file_atomically(folder / "e", "");

    EXPECT_EQ(sniff_disk_format(folder / "a"), DiskFormat::qcow2);
    EXPECT_EQ(sniff_disk_format(folder / "b"), DiskFormat::vhdx);
    EXPECT_EQ(sniff_disk_format(folder / "c"), DiskFormat::raw);
    EXPECT_EQ(sniff_disk_format(folder / "d"), DiskFormat::vdi);
    EXPECT_EQ(sniff_disk_format(folder / "e"), DiskFormat::raw);
}

}  // namespace
}  // namespace imgforge::image
