// SPDX-License-Identifier: GPL-3.0-or-later
// What this process writes, judged by qemu.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "builder/base/clock.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/image_lock.hpp"
#include "builder/image/overlay.hpp"
#include "builder/image/qemu_img.hpp"
#include "tests/support/require.hpp"

namespace imgforge::image {
namespace {

class OverlayTools : public ::testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img") || !find_program("qemu-io")) {
            IMGFORGE_SKIP("tools", "qemu-img or qemu-io is not installed (package qemu-utils)");
        }
    }
    ProcessResult io(const std::filesystem::path& image, const std::string& command) {
        return runner_.run({.program = "qemu-io", .args = {"-f", "qcow2", "-c", command, image.string()}});
    }
    SystemProcessRunner runner_;
    TempDir folder_{"tools"};
};

TEST_F(OverlayTools, qemu_finds_every_size_sound_and_reads_and_writes_through_it) {
    for (const ByteSize size : {ByteSize::mib(1), ByteSize::gib(1), ByteSize::bytes((10ULL << 30U) + 512),
                                ByteSize::gib(8ULL << 10U)}) {
        const auto base = folder_ / (std::to_string(size.in_bytes()) + ".base");
        const auto overlay = folder_ / (std::to_string(size.in_bytes()) + ".overlay");
        create_empty_qcow2(base, size);
        ASSERT_TRUE(io(base, "write -P 7 0 64k").ok());
        create_overlay({.overlay = overlay, .backing = base});

        EXPECT_TRUE(qemu_img::run_check(runner_, overlay, DiskFormat::qcow2).clean()) << size.text();
        EXPECT_THAT(io(overlay, "read -P 7 0 64k").out, ::testing::Not(::testing::HasSubstr("failed")))
            << size.text();
        const std::string last = std::to_string(size.in_bytes() - 512);
        EXPECT_TRUE(io(overlay, "write -P 9 " + last + " 512").ok());
        EXPECT_TRUE(qemu_img::run_check(runner_, overlay, DiskFormat::qcow2).clean()) << size.text();
        EXPECT_TRUE(qemu_img::run_check(runner_, base, DiskFormat::qcow2).clean()) << size.text();
    }
}

TEST_F(OverlayTools, qemu_reports_the_same_facts_as_for_its_own) {
    create_empty_qcow2(folder_ / "base", ByteSize::gib(3));
    create_overlay({.overlay = folder_ / "ours", .backing = folder_ / "base", .backing_name = "base"});
    run_checked(runner_, qemu_img::create_overlay(folder_ / "theirs", "base", DiskFormat::qcow2));

    const auto ours = qemu_img::read_info(runner_, folder_ / "ours", DiskFormat::qcow2);
    const auto theirs = qemu_img::read_info(runner_, folder_ / "theirs", DiskFormat::qcow2);

    EXPECT_EQ(ours.virtual_size, theirs.virtual_size);
    EXPECT_EQ(ours.backing_file, theirs.backing_file);
    EXPECT_EQ(ours.backing_format, theirs.backing_format);
    EXPECT_EQ(ours.cluster_size, theirs.cluster_size);
    EXPECT_EQ(ours.compression_type, theirs.compression_type);
    EXPECT_EQ(read_backing_chain(folder_ / "theirs", DiskFormat::qcow2).size(), 2U);
}

TEST_F(OverlayTools, is_ten_times_faster_than_starting_qemu_img) {
    using clock = std::chrono::steady_clock;
    create_empty_qcow2(folder_ / "base", ByteSize::gib(10));
    const auto start = clock::now();
    for (int i = 0; i < 50; ++i) {
        create_overlay({.overlay = folder_ / ("ours" + std::to_string(i)), .backing = folder_ / "base"});
    }
    const auto ours = clock::now() - start;
    const auto middle = clock::now();
    for (int i = 0; i < 5; ++i) {
        run_checked(runner_, qemu_img::create_overlay(folder_ / ("theirs" + std::to_string(i)),
                                                      (folder_ / "base").string(), DiskFormat::qcow2));
    }
    const auto theirs = (clock::now() - middle) * 10;

    const auto microseconds = [](auto duration) {
        return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    };
    RecordProperty("ours_us_per_overlay", static_cast<int>(microseconds(ours) / 50));
    RecordProperty("qemu_img_us_per_overlay", static_cast<int>(microseconds(theirs) / 50));
    std::printf("overlay: %ld us in this process, %ld us with qemu-img\n", microseconds(ours) / 50,
                microseconds(theirs) / 50);
    EXPECT_LT(ours * 10, theirs);
}

TEST_F(OverlayTools, a_running_qemu_is_seen_and_kept_out) {
    create_empty_qcow2(folder_ / "disk", ByteSize::mib(8));
    EXPECT_EQ(image_use(folder_ / "disk"), ImageUse::unused);

    {
        const ImageHold hold(folder_ / "disk");
        EXPECT_EQ(image_use(folder_ / "disk"), ImageUse::reading);
        EXPECT_FALSE(io(folder_ / "disk", "write 0 512").ok());
        EXPECT_TRUE(runner_.run(qemu_img::info(folder_ / "disk", DiskFormat::qcow2)).ok())
            << "readers may share";
    }
    {
        const ImageHold hold(folder_ / "disk", true);
        EXPECT_FALSE(io(folder_ / "disk", "read 0 512").ok());
        EXPECT_TRUE(runner_.run(qemu_img::info(folder_ / "disk", DiskFormat::qcow2, false, true)).ok())
            << "looking takes no lock";
    }
    EXPECT_TRUE(io(folder_ / "disk", "write 0 512").ok());
}

TEST_F(OverlayTools, a_writer_is_told_from_a_reader) {
    create_empty_qcow2(folder_ / "disk", ByteSize::mib(8));
    const auto use_while_open = [&](std::vector<std::string> mode) {
        std::vector<std::string> args = std::move(mode);
        args.insert(args.end(), {"-f", "qcow2", "-c", "sleep 400", (folder_ / "disk").string()});
        std::jthread machine([&] { SystemProcessRunner().run({.program = "qemu-io", .args = args}); });
        ImageUse use = ImageUse::unused;
        SystemClock clock;
        wait_until(
            clock, "qemu-io opens the image", std::chrono::seconds(10),
            [&] { return (use = image_use(folder_ / "disk")) != ImageUse::unused; },
            [] { return std::string("no lock"); }, std::chrono::milliseconds(5));
        std::this_thread::sleep_for(
            std::chrono::milliseconds(100));  // qemu takes its locks one after the other
        use = image_use(folder_ / "disk");
        return use;
    };

    EXPECT_EQ(use_while_open({}), ImageUse::writing);
    EXPECT_EQ(use_while_open({"-r"}), ImageUse::reading);
}

}  // namespace
}  // namespace imgforge::image
