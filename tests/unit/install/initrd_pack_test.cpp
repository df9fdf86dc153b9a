// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/initrd_pack.hpp"

#include <filesystem>
#include <iterator>
#include <string_view>

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/install/cpio.hpp"

namespace imgforge::install {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string merged_usr_initrd() {
    return write_cpio({{.path = "usr", .kind = CpioEntry::Kind::directory, .mode = 0755},
                       {.path = "usr/lib", .kind = CpioEntry::Kind::directory, .mode = 0755},
                       {.path = "lib", .kind = CpioEntry::Kind::symlink, .mode = 0777, .target = "usr/lib"},
                       {.path = "tmp", .kind = CpioEntry::Kind::directory, .mode = 01777},
                       {.path = "init", .mode = 0755, .bytes = "#!/bin/sh\n"}});
}

struct Packed {
    TempDir dir;
    std::string bytes;
    PackedInitrd report;
    Packed(const std::string& original, const std::vector<InitrdMember>& members) {
        write_file_atomically(dir / "initrd", original);
        report = pack_initrd(dir / "initrd", members, dir / "out");
        bytes = read_file(dir / "out");
    }
    /// What the kernel sees: the original's entries, then those of the last member.
    CpioTree tree() const {
        CpioTree result;
        const auto add = [&](CpioEntry&& entry) { result.insert_or_assign(entry.path, std::move(entry)); };
        read_initrd(bytes, true, add);
        read_initrd(std::string_view(bytes).substr(bytes.rfind(std::string(8, '\0') + "070701") + 8), true,
                    add);
        return result;
    }
};

std::string refusal(const std::string& original, const std::vector<InitrdMember>& members) {
    try {
        const Packed packed(original, members);
        return "no error";
    } catch (const Error& error) {
        return error.message();
    }
}

TEST(PackInitrd, appends_a_file_that_reads_back) {
    const Packed packed(gzip(merged_usr_initrd()), {{"/preseed.cfg", "d-i x string y\n", 0600}});

    const CpioTree tree = packed.tree();

    EXPECT_EQ(tree.at("preseed.cfg").bytes, "d-i x string y\n");
    EXPECT_EQ(tree.at("preseed.cfg").mode, 0600U);
    EXPECT_EQ(tree.at("init").bytes, "#!/bin/sh\n");
    EXPECT_EQ(packed.report.compression, "gzip");
    EXPECT_THAT(packed.report.paths, ElementsAre("preseed.cfg"));
}

TEST(PackInitrd, leaves_one_private_file_and_replaces_an_older_one) {
    const TempDir dir;
    write_file_atomically(dir / "initrd", gzip(merged_usr_initrd()));
    write_file_atomically(dir / "out", "an older one", 0644);

    const PackedInitrd report = pack_initrd(dir / "initrd", {{"/preseed.cfg", "x", 0600}}, dir / "out");

    namespace fs = std::filesystem;
    EXPECT_EQ(fs::file_size(dir / "out"), report.size);
    EXPECT_EQ(fs::status(dir / "out").permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(std::distance(fs::directory_iterator(dir / ""), fs::directory_iterator()), 2);
    write_file_atomically(dir / "initrd", "");
    EXPECT_THROW(pack_initrd(dir / "initrd", {{"/preseed.cfg", "x", 0600}}, dir / "out"), Error);
    EXPECT_EQ(std::distance(fs::directory_iterator(dir / ""), fs::directory_iterator()), 2);
}

class PackInitrdPadding : public testing::TestWithParam<std::size_t> {};

TEST_P(PackInitrdPadding, puts_the_member_at_a_multiple_of_512_after_eight_nuls) {
    // Random-looking text so that gzip's length follows the input's.
    std::string noise;
    for (std::size_t i = 0; i < 700 + GetParam(); ++i)
        noise += static_cast<char>('a' + i * i % 26);
    const std::string original = gzip(write_cpio({{.path = "noise", .bytes = noise}}), 1);

    const Packed packed(original, {{"/preseed.cfg", "x", 0644}});

    const std::size_t at = packed.bytes.rfind("070701", packed.bytes.rfind("preseed.cfg"));
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(at % 512, 0U);
    EXPECT_GE(at - original.size(), 8U);
    EXPECT_EQ(packed.bytes.substr(original.size(), at - original.size()).find_first_not_of('\0'),
              std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Lengths, PackInitrdPadding, testing::Range<std::size_t>(0, 24));

TEST(PackInitrd, follows_merged_usr_instead_of_replacing_the_link) {
    const Packed packed(merged_usr_initrd(), {{"/lib/debian-installer.d/S99x", "y", 0755}});

    EXPECT_THAT(packed.report.paths,
                ElementsAre("usr/lib/debian-installer.d", "usr/lib/debian-installer.d/S99x"));
    EXPECT_EQ(packed.tree().at("lib").kind, CpioEntry::Kind::symlink);
}

TEST(PackInitrd, adds_missing_parents_and_leaves_existing_ones_alone) {
    const Packed packed(merged_usr_initrd(),
                        {{"/tmp/a", "1", 0644}, {"/etc/x/b", "2", 0644}, {"/etc/x/c", "3", 0644}});

    EXPECT_THAT(packed.report.paths, ElementsAre("tmp/a", "etc", "etc/x", "etc/x/b", "etc/x/c"));
}

TEST(PackInitrd, sees_the_main_archive_behind_early_microcode) {
    const std::string microcode = write_cpio({{.path = "kernel", .kind = CpioEntry::Kind::directory}});
    const Packed packed(microcode + gzip(merged_usr_initrd()), {{"/lib/x", "y", 0644}});

    EXPECT_EQ(packed.report.compression, "gzip");
    EXPECT_THAT(packed.report.paths, ElementsAre("usr/lib/x"));
}

TEST(PackInitrd, same_input_gives_same_bytes) {
    const std::vector<InitrdMember> members = {{"/preseed.cfg", "x", 0644}};

    EXPECT_EQ(Packed(gzip(merged_usr_initrd()), members).bytes,
              Packed(gzip(merged_usr_initrd()), members).bytes);
}

TEST(PackInitrd, refuses_paths_that_are_none) {
    for (const char* path : {"preseed.cfg", "/", "/a/../b", "/a//b", "/a/.", "/dir/"})
        EXPECT_THAT(refusal(merged_usr_initrd(), {{path, "x", 0644}}), HasSubstr("cannot be a path")) << path;
    EXPECT_THAT(refusal(merged_usr_initrd(), {{"/lib/a", "x", 0644}, {"/usr/lib/a", "y", 0644}}),
                HasSubstr("given twice"));
    EXPECT_THAT(refusal(merged_usr_initrd(), {{"/init/a", "x", 0644}}), HasSubstr("not a directory"));
}

TEST(PackInitrd, refuses_what_is_no_initrd) {
    EXPECT_THAT(refusal(merged_usr_initrd() + "hello, this is text", {{"/a", "x", 0644}}),
                HasSubstr("no cpio archive"));
    EXPECT_THAT(refusal("", {{"/a", "x", 0644}}), HasSubstr("empty"));
    EXPECT_THAT(refusal(merged_usr_initrd().substr(0, 300), {{"/a/b", "x", 0644}}), HasSubstr("damaged"));
    EXPECT_THAT(refusal(gzip(merged_usr_initrd()).substr(0, 60), {{"/a/b", "x", 0644}}),
                HasSubstr("damaged"));
}

TEST(PackInitrd, leaves_an_unknown_compression_to_the_kernel) {
    const Packed packed("of a kernel to come", {{"/a", "x", 0644}});

    EXPECT_EQ(packed.report.compression, "unknown");
    EXPECT_THAT(packed.bytes, ::testing::StartsWith("of a kernel to come"));
}

TEST(PackInitrd, rewrites_lz4_as_gzip) {
    // lz4 -l of "07070…" is not needed: a legacy lz4 stream of one stored block holds the archive as it is.
    const std::string plain = merged_usr_initrd();
    std::string block;
    // One sequence of literals only (LZ4 block format): token 0xF0, then length bytes.
    block += static_cast<char>(0xF0);
    std::size_t left = plain.size() - 15;
    for (; left >= 255; left -= 255)
        block += static_cast<char>(0xFF);
    block += static_cast<char>(left);
    block += plain;
    std::string lz4("\x02\x21\x4c\x18", 4);
    for (unsigned shift = 0; shift < 32; shift += 8)
        lz4 += static_cast<char>(block.size() >> shift & 0xFFU);
    lz4 += block;

    const Packed packed(lz4, {{"/preseed.cfg", "x", 0644}});

    EXPECT_EQ(packed.report.compression, "lz4");
    EXPECT_TRUE(packed.report.recompressed);
    EXPECT_EQ(packed.bytes.substr(0, 2), "\x1f\x8b");
    EXPECT_EQ(packed.tree().at("init").bytes, "#!/bin/sh\n");
}

}  // namespace
}  // namespace imgforge::install
