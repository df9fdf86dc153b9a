// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/qemu_img.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "tests/support/fake_process_runner.hpp"

namespace imgforge::image {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(QemuImgSpecs, info_states_the_format_and_takes_no_lock_only_when_looking) {
    EXPECT_THAT(qemu_img::info("/a/b.qcow2", DiskFormat::qcow2).args,
                ElementsAre("info", "--output=json", "-f", "qcow2", "/a/b.qcow2"));
    EXPECT_THAT(qemu_img::info("/a/b.qcow2", DiskFormat::qcow2, true, true).args,
                ElementsAre("info", "--output=json", "-f", "qcow2", "--backing-chain", "-U", "/a/b.qcow2"));
}

TEST(QemuImgSpecs, overlay_states_the_backing_format) {
    EXPECT_THAT(
        qemu_img::create_overlay("/o.qcow2", "/b.raw", DiskFormat::raw, ByteSize::gib(10)).args,
        ElementsAre("create", "-q", "-f", "qcow2", "-b", "/b.raw", "-F", "raw", "/o.qcow2", "10737418240"));
}

TEST(QemuImgSpecs, names_with_a_colon_or_dash_are_kept_from_being_protocols_and_options) {
    EXPECT_THAT(qemu_img::check("nbd:localhost", DiskFormat::qcow2).args.back(), "./nbd:localhost");
    EXPECT_THAT(qemu_img::check("-x.qcow2", DiskFormat::qcow2).args.back(), "./-x.qcow2");
    EXPECT_THAT(qemu_img::check("/a:b/c.qcow2", DiskFormat::qcow2).args.back(), "/a:b/c.qcow2");
}

TEST(QemuImgSpecs, compressed_qcow2_names_the_compression_type) {
    const auto args =
        qemu_img::convert({.from = "a", .to = "b", .compression = qemu_img::Compression::zstd}).args;

    EXPECT_THAT(args,
                AllOf(Contains("-c"), Contains("compression_type=zstd"), Contains("-W"), Contains("-p")));
}

TEST(QemuImgSpecs, uncompressed_qcow2_is_written_in_order) {
    EXPECT_THAT(qemu_img::convert({.from = "a", .to = "b"}).args,
                AllOf(Not(Contains("-c")), Not(Contains("-W"))));
    EXPECT_THAT(qemu_img::convert({.from = "a", .to = "b", .to_format = DiskFormat::raw}).args,
                Contains("-W"));
}

TEST(QemuImgSpecs, compression_is_left_out_for_formats_without_it) {
    const auto args = qemu_img::convert({.from = "a",
                                         .to = "b",
                                         .to_format = DiskFormat::vdi,
                                         .compression = qemu_img::Compression::zstd})
                          .args;

    EXPECT_THAT(args, Not(Contains("-c")));
}

// As printed by qemu-img 7.2.22 for an overlay on a base.
constexpr auto chain_json = R"([
    {"backing-filename-format": "qcow2", "virtual-size": 1073741824, "filename": "o.qcow2",
        "cluster-size": 65536, "format": "qcow2",
     "actual-size": 200704,
     "format-specific": {"type": "qcow2", "data": {"compat": "1.1", "compression-type": "zlib",
         "lazy-refcounts": false,
       "bitmaps": [{"flags": ["auto"], "name": "nightly", "granularity": 65536}], "refcount-bits": 16,
           "corrupt": false, "extended-l2": false}},
     "full-backing-filename": "/x/base.qcow2", "backing-filename": "base.qcow2", "dirty-flag": false},
    {"virtual-size": 1073741824, "filename": "base.qcow2", "cluster-size": 65536, "format": "qcow2",
        "actual-size": 1314816,
     "snapshots": [{"icount": 0, "vm-clock-nsec": 0, "name": "before", "date-sec": 1, "date-nsec": 1,
         "vm-clock-sec": 0, "id": "1", "vm-state-size": 0}],
     "dirty-flag": false}])";

TEST(QemuImgInfo, reports_backing_format_of_overlay) {
    const auto chain = qemu_img::parse_info(chain_json);

    ASSERT_THAT(chain, SizeIs(2));
    EXPECT_EQ(chain[0].backing_format, "qcow2");
    EXPECT_EQ(chain[0].full_backing_file, "/x/base.qcow2");
    EXPECT_THAT(chain[0].bitmaps, ElementsAre("nightly"));
    EXPECT_EQ(chain[1].backing_file, std::nullopt);
    EXPECT_THAT(chain[1].snapshots, ElementsAre("before"));
    EXPECT_EQ(chain[1].virtual_size, ByteSize::gib(1));
}

TEST(QemuImgInfo, text_that_is_not_json_is_an_error_that_names_the_command) {
    try {
        static_cast<void>(qemu_img::parse_info("Usage: qemu-img"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::tool);
        EXPECT_THAT(error.message(), ::testing::HasSubstr("qemu-img info"));
    }
    EXPECT_THROW(static_cast<void>(qemu_img::parse_info("[]")), Error);
    EXPECT_THROW(static_cast<void>(qemu_img::parse_info("[{\"format\": 7}]")), Error);
}

TEST(QemuImgCheck, damage_is_a_result_and_not_an_error) {
    test::FakeProcessRunner runner;
    runner.expect("qemu-img",
                  {.code = 2,
                   .out =
                       R"({"image-end-offset": 1, "corruptions": 3, "check-errors": 0, "filename": "x",
                 "format": "qcow2"})"});

    const auto result = qemu_img::run_check(runner, "x", DiskFormat::qcow2);

    EXPECT_EQ(result.corruptions, 3);
    EXPECT_FALSE(result.clean());
}

TEST(QemuImgCheck, a_check_that_could_not_run_is_an_error) {
    test::FakeProcessRunner runner;
    runner.expect("qemu-img", {.code = 1, .err = "qemu-img: Could not open 'x'"});

    EXPECT_THROW(static_cast<void>(qemu_img::run_check(runner, "x", DiskFormat::qcow2)), Error);
}

TEST(QemuImgMap, compressed_clusters_have_no_offset) {
    const auto extents = qemu_img::parse_map(
        R"([{"start": 0, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true},
        {"start": 65536, "length": 131072, "depth": 1, "present": true, "zero": false, "data": true,
            "offset": 327680},
        {"start": 196608, "length": 65536, "depth": 1, "present": false, "zero": true, "data": false}])");

    ASSERT_THAT(extents, SizeIs(3));
    EXPECT_EQ(extents[0].offset, std::nullopt);
    EXPECT_EQ(extents[1].offset, 327680U);
    EXPECT_EQ(extents[1].depth, 1);
    EXPECT_FALSE(extents[2].data);
}

TEST(QemuImgMeasure, reads_both_sizes) {
    const auto measure =
        qemu_img::parse_measure(R"({"bitmaps": 0, "required": 1441792, "fully-allocated": 1074135040})");

    EXPECT_EQ(measure.required.in_bytes(), 1441792U);
    EXPECT_EQ(measure.fully_allocated.in_bytes(), 1074135040U);
}

TEST(QemuImgProgress, takes_the_last_percentage_of_a_redrawn_line) {
    EXPECT_EQ(qemu_img::parse_progress("    (12.34/100%)"), 12.34);
    EXPECT_EQ(qemu_img::parse_progress("    (0.00/100%)\r    (99.50/100%)"), 99.5);
    EXPECT_EQ(qemu_img::parse_progress("(abc/100%)"), std::nullopt);
    EXPECT_EQ(qemu_img::parse_progress("Image resized."), std::nullopt);
}

TEST(QemuImgConvert, progress_is_passed_on_and_a_failed_target_removed) {
    const TempDir folder("unit");
    test::FakeProcessRunner runner;
    runner.expect("qemu-img", {.code = 1, .err = "No space left on device"},
                  [&](const ProcessSpec&) { std::filesystem::create_directory(folder / "out"); });

    EXPECT_THROW(qemu_img::run_convert(runner, {.from = "in", .to = folder / "out"}), Error);

    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

}  // namespace
}  // namespace imgforge::image
