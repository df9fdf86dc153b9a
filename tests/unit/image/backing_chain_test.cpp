// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/backing_chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/overlay.hpp"

namespace imgforge::image {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace fs = std::filesystem;

class BackingChain : public ::testing::Test {
protected:
    fs::path base(const std::string& name = "base.qcow2") {
        create_empty_qcow2(folder_ / name, ByteSize::mib(8));
        return folder_ / name;
    }
    fs::path overlay(const std::string& name, const fs::path& on, std::optional<std::string> as = {}) {
        create_overlay({.overlay = folder_ / name, .backing = on, .backing_name = std::move(as)});
        return folder_ / name;
    }
    /// Overwrites bytes of an image's header.
    static void patch(const fs::path& file, std::size_t at, std::string_view bytes) {
        std::string content = read_file(file);
        content.replace(at, bytes.size(), bytes);
        write_file_atomically(file, content);
    }
    static std::string refusal(const fs::path& image, const ChainPolicy& policy = {}) {
        try {
            static_cast<void>(read_backing_chain(image, DiskFormat::qcow2, policy));
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), Failure::integrity);
            return error.message();
        }
        return "accepted";
    }
    TempDir folder_{"unit"};
};

TEST_F(BackingChain, lists_the_top_first_with_formats) {
    const auto top = overlay("top.qcow2", overlay("middle.qcow2", base()));

    const auto chain = read_backing_chain(top, DiskFormat::qcow2);

    ASSERT_THAT(chain, SizeIs(3));
    EXPECT_EQ(chain[0].file, fs::canonical(top));
    EXPECT_EQ(chain[1].file.filename(), "middle.qcow2");
    EXPECT_EQ(chain[2].file.filename(), "base.qcow2");
    EXPECT_EQ(chain[2].virtual_size, ByteSize::mib(8));
}

TEST_F(BackingChain, relative_names_are_relative_to_the_image_that_has_them) {
    fs::create_directory(folder_ / "sub");
    create_overlay(
        {.overlay = folder_ / "sub" / "o.qcow2", .backing = base(), .backing_name = "../base.qcow2"});

    EXPECT_THAT(read_backing_chain(folder_ / "sub" / "o.qcow2", DiskFormat::qcow2), SizeIs(2));
}

TEST_F(BackingChain, raw_bases_end_the_chain_even_when_a_guest_wrote_a_qcow2_header_into_them) {
    const auto disguised = overlay("disguised.raw", base());
    create_overlay({.overlay = folder_ / "o.qcow2", .backing = disguised, .backing_format = DiskFormat::raw});

    const auto chain = read_backing_chain(folder_ / "o.qcow2", DiskFormat::qcow2);

    ASSERT_THAT(chain, SizeIs(2));
    EXPECT_EQ(chain[1].format, DiskFormat::raw);
}

TEST_F(BackingChain, refuses_protocols_and_json) {
    const auto top = overlay("top.qcow2", base(), "base.qcow2");
    std::string written = "base.qcow2";
    for (const std::string reference : {"nbd:host:1", "json:{\"a\"}", "ssh://host/", "fat:/etc/ab"}) {
        patch(top, read_file(top).find(written), reference.substr(0, written.size()));
        written = reference.substr(0, written.size());
        EXPECT_THAT(refusal(top), HasSubstr("only plain files")) << reference;
    }
}

TEST_F(BackingChain, refuses_files_outside_the_allowed_folders) {
    const TempDir elsewhere("unit");
    create_empty_qcow2(elsewhere / "secret", ByteSize::mib(1));
    const auto top = overlay("top.qcow2", elsewhere / "secret");

    EXPECT_THAT(refusal(top, {.roots = {folder_.path()}}), HasSubstr("not among the files"));
    EXPECT_EQ(refusal(top, {.roots = {folder_.path(), elsewhere.path()}}), "accepted");
    EXPECT_EQ(refusal(top, {.files = {elsewhere / "secret"}}), "accepted");
}

TEST_F(BackingChain, a_link_in_the_folder_does_not_widen_it) {
    const TempDir elsewhere("unit");
    create_empty_qcow2(elsewhere / "secret", ByteSize::mib(1));
    fs::create_symlink(elsewhere / "secret", folder_ / "innocent.qcow2");
    const auto top = overlay("top.qcow2", folder_ / "innocent.qcow2", "innocent.qcow2");

    EXPECT_THAT(refusal(top, {.roots = {folder_.path()}}), HasSubstr("not among the files"));
}

TEST_F(BackingChain, refuses_any_reference_when_the_image_must_stand_alone) {
    EXPECT_THAT(refusal(overlay("top.qcow2", base()), {.allow_backing = false}),
                HasSubstr("only backing files that are named"));
}

TEST_F(BackingChain, refuses_circles_and_depth) {
    const auto a = overlay("a.qcow2", base());
    const auto b = overlay("b.qcow2", a);
    fs::remove(a);
    fs::copy_file(b, folder_ / "copy.qcow2");
    create_overlay({.overlay = a, .backing = b});

    EXPECT_THAT(refusal(b), HasSubstr("circle"));
    EXPECT_THAT(refusal(overlay("c.qcow2", overlay("d.qcow2", base("e.qcow2"))), {.depth_limit = 2}),
                HasSubstr("deeper than 2"));
}

TEST_F(BackingChain, refuses_a_missing_backing_format) {
    const auto top = overlay("top.qcow2", base());
    patch(top, 112, std::string("\x11\x22\x33\x44", 4));  // the extension type becomes an unknown one

    EXPECT_THAT(refusal(top), HasSubstr("does not say the format"));
}

TEST_F(BackingChain, refuses_an_external_data_file) {
    const auto file = base();
    patch(file, 79, std::string("\x04", 1));

    EXPECT_THAT(refusal(file), HasSubstr("external file"));
}

TEST_F(BackingChain, says_which_backing_file_is_missing) {
    const auto top = overlay("top.qcow2", base());
    fs::remove(folder_ / "base.qcow2");

    EXPECT_THAT(refusal(top), HasSubstr("base.qcow2"));
}

TEST_F(BackingChain, damaged_headers_are_refused_not_followed) {
    const auto file = base();
    const std::string good = read_file(file);
    for (const auto& [at, bytes] : std::vector<std::pair<std::size_t, std::string>>{
             {0, "XFI"},
             {7, "\x09"},
             {23, "\x30"},
             {100, "\xff\xff\xff\xff"},
             {8, std::string("\0\0\0\0\0\x01\0\0\0\0\x04\0", 12)}}) {
        write_file_atomically(file, good);
        patch(file, at, bytes);
        EXPECT_THAT(refusal(file), HasSubstr("not a usable qcow2")) << at;
    }
    write_file_atomically(file, good.substr(0, 60));
    EXPECT_THAT(refusal(file), HasSubstr("not a usable qcow2"));
}

TEST(NamesAProtocol, only_when_the_colon_comes_before_any_slash) {
    EXPECT_TRUE(names_a_protocol("nbd:unix:/x"));
    EXPECT_TRUE(names_a_protocol("json:{}"));
    EXPECT_FALSE(names_a_protocol("/a:b"));
    EXPECT_FALSE(names_a_protocol("./a:b"));
    EXPECT_FALSE(names_a_protocol("plain.qcow2"));
}

}  // namespace
}  // namespace imgforge::image
