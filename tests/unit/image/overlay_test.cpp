// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/overlay.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/qcow2_header.hpp"

namespace imgforge::image {
namespace {

TEST(CreateOverlay, states_base_format_and_size) {
    const TempDir folder("unit");
    write_file_atomically(folder / "base.raw", std::string(1000, 'x'));

    create_overlay({.overlay = folder / "o.qcow2",
                    .backing = folder / "base.raw",
                    .backing_format = DiskFormat::raw,
                    .virtual_size = ByteSize::gib(10)});

    const Qcow2Header header = read_qcow2_header(folder / "o.qcow2");
    EXPECT_EQ(header.backing_file, (folder / "base.raw").string());
    EXPECT_EQ(header.backing_format, "raw");
    EXPECT_EQ(header.virtual_size, ByteSize::gib(10));
    EXPECT_EQ(header.version, 3U);
}

TEST(CreateOverlay, is_private_and_small) {
    const TempDir folder("unit");
    create_empty_qcow2(folder / "base", ByteSize::gib(100));

    create_overlay({.overlay = folder / "o", .backing = folder / "base"});

    struct stat status {};
    ASSERT_EQ(::stat((folder / "o").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    EXPECT_LT(allocated_size(folder / "o"), 64U << 10U);
}

TEST(CreateOverlay, never_overwrites) {
    const TempDir folder("unit");
    create_empty_qcow2(folder / "base", ByteSize::mib(1));
    write_file_atomically(folder / "o", "precious");

    EXPECT_THROW(create_overlay({.overlay = folder / "o", .backing = folder / "base"}), Error);

    EXPECT_EQ(read_file(folder / "o"), "precious");
}

TEST(CreateOverlay, refuses_to_cut_off_the_base_or_to_stand_on_nothing) {
    const TempDir folder("unit");
    create_empty_qcow2(folder / "base", ByteSize::gib(2));

    EXPECT_THROW(create_overlay(
                     {.overlay = folder / "o", .backing = folder / "base", .virtual_size = ByteSize::gib(1)}),
                 Error);
    EXPECT_THROW(create_overlay({.overlay = folder / "o", .backing = folder / "none"}), Error);
    EXPECT_THROW(
        create_overlay(
            {.overlay = folder / "o", .backing = folder / "base", .backing_name = std::string(1024, 'x')}),
        Error);
    EXPECT_FALSE(std::filesystem::exists(folder / "o"));
}

TEST(CreateOverlay, a_relative_name_with_a_colon_is_kept_from_being_a_protocol) {
    const TempDir folder("unit");
    create_empty_qcow2(folder / "a:b", ByteSize::mib(1));

    create_overlay({.overlay = folder / "o", .backing = folder / "a:b", .backing_name = "a:b"});

    EXPECT_EQ(read_qcow2_header(folder / "o").backing_file, "./a:b");
}

}  // namespace
}  // namespace imgforge::image
