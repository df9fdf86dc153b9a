// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/compact.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/disk_view.hpp"
#include "builder/image/overlay.hpp"
#include "tests/support/require.hpp"

namespace imgforge::image {
namespace {

using qemu_img::Compression;

class Compact : public ::testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img") || !find_program("qemu-io")) {
            IMGFORGE_SKIP("tools", "qemu-img or qemu-io is not installed (package qemu-utils)");
        }
        create_empty_qcow2(folder_ / "base.qcow2", ByteSize::mib(64));
        io("base.qcow2", {"write -P 65 0 4M", "write -P 66 20M 2M"});
        create_overlay({.overlay = folder_ / "top.qcow2", .backing = folder_ / "base.qcow2"});
        io("top.qcow2", {"write -P 67 1M 64k", "write -z 21M 1M"});
    }
    void io(const std::string& name, const std::vector<std::string>& commands) {
        std::vector<std::string> args{"-f", "qcow2"};
        for (const std::string& command : commands) {
            args.insert(args.end(), {"-c", command});
        }
        args.push_back((folder_ / name).string());
        run_checked(runner_, {.program = "qemu-io", .args = args});
    }
    CompactSpec spec(const std::string& to, DiskFormat format, Compression compression = Compression::none) {
        return {.from = folder_ / "top.qcow2",
                .to = folder_ / to,
                .to_format = format,
                .compression = compression,
                .compare = true};
    }
    SystemProcessRunner runner_;
    RecordingMonitor monitor_;
    TempDir folder_{"tools"};
};

TEST_F(Compact, every_format_holds_the_same_disk_and_stands_alone) {
    for (const DiskFormat format :
         {DiskFormat::qcow2, DiskFormat::raw, DiskFormat::vmdk, DiskFormat::vhdx, DiskFormat::vdi}) {
        const auto result =
            compact_image(runner_, spec("out" + std::string(file_extension(format)), format), monitor_);

        const auto info = qemu_img::read_info(runner_, result.file, format);
        EXPECT_EQ(info.format, to_string(format));
        EXPECT_EQ(info.virtual_size, ByteSize::mib(64)) << to_string(format);
        EXPECT_EQ(info.backing_file, std::nullopt);
        EXPECT_LT(result.allocated_after, 10U << 20U) << to_string(format);
    }
}

TEST_F(Compact, compression_is_what_was_asked_for_and_smaller) {
    const auto plain = compact_image(runner_, spec("plain.qcow2", DiskFormat::qcow2), monitor_);
    for (const Compression compression : {Compression::zlib, Compression::zstd}) {
        const auto packed =
            compact_image(runner_, spec("packed.qcow2", DiskFormat::qcow2, compression), monitor_);

        EXPECT_EQ(qemu_img::read_info(runner_, packed.file, DiskFormat::qcow2).compression_type,
                  to_string(compression));
        EXPECT_LT(packed.allocated_after, plain.allocated_after / 4);
    }
}

TEST_F(Compact, data_that_was_overwritten_is_gone) {
    io("top.qcow2", {"write -P 83 40M 64k", "discard 40M 64k"});

    compact_image(runner_, {.from = folder_ / "top.qcow2", .to = folder_ / "top.qcow2"}, monitor_);

    EXPECT_EQ(read_file(folder_ / "top.qcow2").find("SSSSSSSSSSSSSSSS"), std::string::npos);
    EXPECT_EQ(read_backing_chain(folder_ / "top.qcow2", DiskFormat::qcow2).size(), 1U);
}

TEST_F(Compact, a_failure_leaves_the_target_as_it_was) {
    write_file_atomically(folder_ / "out.qcow2", "precious");
    std::filesystem::remove(folder_ / "base.qcow2");

    EXPECT_THROW(compact_image(runner_, spec("out.qcow2", DiskFormat::qcow2), monitor_), Error);

    EXPECT_EQ(read_file(folder_ / "out.qcow2"), "precious");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 2)
        << "no unfinished file";
}

TEST_F(Compact, disk_view_reads_what_a_machine_would_see_compressed_or_not) {
    compact_image(runner_, spec("packed.qcow2", DiskFormat::qcow2, Compression::zstd), monitor_);
    const TempDir work("tools");
    for (const std::string name : {"top.qcow2", "packed.qcow2"}) {
        const DiskView view(runner_, read_backing_chain(folder_ / name, DiskFormat::qcow2), work.path());
        std::string bytes;
        view.read((1U << 20U) - 2, 4, bytes);
        EXPECT_EQ(bytes, "AACC") << name;
        view.read((21U << 20U) - 1, 3, bytes);
        EXPECT_EQ(bytes, std::string("B\0\0", 3)) << name;
        view.read((64U << 20U) - 2, 10, bytes);
        EXPECT_EQ(bytes.size(), 2U) << "ends with the disk";
    }
}

TEST_F(Compact, disk_view_lists_replaced_data_of_the_backing_file_as_unmapped) {
    const TempDir work("tools");
    const DiskView view(runner_, read_backing_chain(folder_ / "top.qcow2", DiskFormat::qcow2), work.path());
    bool replaced = false;
    for (const ByteRange& range : view.unmapped(1)) {
        std::string bytes;
        view.read_file(1, range.start, static_cast<std::size_t>(range.length), bytes);
        replaced = replaced || bytes.find(std::string(65536, 'A')) != std::string::npos;
    }
    EXPECT_TRUE(replaced) << "the 64 KiB of 'A' that the overlay hides";
    EXPECT_EQ(view.image_at(1U << 20U), 0U);
    EXPECT_EQ(view.image_at(0), 1U);
}

}  // namespace
}  // namespace imgforge::image
