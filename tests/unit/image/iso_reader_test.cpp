// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/iso_reader.hpp"

#include <string>

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::image {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

enum class Names { rock_ridge, joliet, plain };

void add_entry(archive* out, const std::string& path, unsigned type, const std::string& content) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, path.c_str());
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0644);
    if (type == AE_IFLNK)
        archive_entry_set_symlink(entry, content.c_str());
    else
        archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_write_header(out, entry);
    if (type == AE_IFREG)
        archive_write_data(out, content.data(), content.size());
    archive_entry_free(entry);
}

/// A small image written by libarchive, so that writer and reader are independent.
std::filesystem::path make_iso(const TempDir& dir, Names names, const std::string& big = "kernel") {
    const auto path = dir / "test.iso";
    archive* out = archive_write_new();
    archive_write_set_format_iso9660(out);
    archive_write_set_format_option(out, "iso9660", "rockridge",
                                    names == Names::rock_ridge ? "useful" : nullptr);
    archive_write_set_format_option(out, "iso9660", "joliet", names == Names::joliet ? "1" : nullptr);
    archive_write_set_format_option(out, "iso9660", "volume-id", "Debian 13.0.0 amd64 n");
    archive_write_open_filename(out, path.c_str());
    add_entry(out, "install.amd", AE_IFDIR, "");
    add_entry(out, "install.amd/vmlinuz", AE_IFREG, big);
    add_entry(out, "readme.txt", AE_IFREG, "hello\n");
    if (names == Names::rock_ridge) {
        add_entry(out, "a-name-longer-than-eight-dot-three.text", AE_IFREG, "long");
        add_entry(out, "link", AE_IFLNK, "install.amd/vmlinuz");
        add_entry(out, "round", AE_IFLNK, "round");
    }
    archive_write_close(out);
    archive_write_free(out);
    return path;
}

std::string message_of_opening(const std::filesystem::path& file) {
    try {
        const IsoReader reader(file);
        static_cast<void>(reader.walk());
        return "no error";
    } catch (const Error& error) {
        return error.message();
    }
}

std::uint32_t little32(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;)
        value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

void put_little32(std::string& bytes, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i)
        bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xFFU);
}

/// The image with `change` applied to its bytes.
std::filesystem::path altered(const TempDir& dir, Names names,
                              const std::function<void(std::string&)>& change) {
    std::string bytes = read_file(make_iso(dir, names));
    change(bytes);
    const auto path = dir / "altered.iso";
    write_file_atomically(path, bytes);
    return path;
}

/// Offset of the first record with this name in the root directory of the primary tree.
std::size_t root_record(const std::string& bytes, const std::string& name) {
    const std::size_t root = std::size_t{little32(bytes, 16 * 2048 + 156 + 2)} * 2048;
    const std::size_t at = bytes.find(name, root);
    EXPECT_NE(at, std::string::npos);
    return at - 33;
}

TEST(IsoReader, reads_rock_ridge_names_and_follows_links) {
    const TempDir dir;
    const IsoReader iso(make_iso(dir, Names::rock_ridge));

    std::vector<std::string> paths;
    for (const IsoEntry& entry : iso.walk())
        paths.push_back(entry.path);

    EXPECT_THAT(paths, ElementsAre("a-name-longer-than-eight-dot-three.text", "install.amd", "link",
                                   "readme.txt", "round", "install.amd/vmlinuz"));
    EXPECT_EQ(iso.volume().label, "DEBIAN_13_0_0_AMD64_N");  // libarchive writes d-characters only
    EXPECT_TRUE(iso.volume().rock_ridge);
    EXPECT_EQ(iso.read("/link"), "kernel");
    EXPECT_EQ(iso.stat("link")->target, "install.amd/vmlinuz");
    EXPECT_EQ(iso.stat("install.amd/vmlinuz")->size, 6U);
}

TEST(IsoReader, reads_joliet_only_images) {
    const TempDir dir;
    const IsoReader iso(make_iso(dir, Names::joliet));

    EXPECT_TRUE(iso.volume().joliet);
    EXPECT_FALSE(iso.volume().rock_ridge);
    EXPECT_EQ(iso.read("install.amd/vmlinuz"), "kernel");
    EXPECT_EQ(iso.list("install.amd").at(0).path, "install.amd/vmlinuz");
}

TEST(IsoReader, reads_plain_iso9660_in_lower_case_without_versions) {
    const TempDir dir;
    const IsoReader iso(make_iso(dir, Names::plain));

    EXPECT_FALSE(iso.volume().joliet);
    EXPECT_EQ(iso.read("readme.txt"), "hello\n");
    EXPECT_EQ(iso.list("").at(1).path, "readme.txt");
}

TEST(IsoReader, extracts_large_files_whole) {
    const TempDir dir;
    const std::string big(3'000'001, 'k');
    const IsoReader iso(make_iso(dir, Names::rock_ridge, big));
    std::uint64_t last = 0;

    iso.extract("install.amd/vmlinuz", dir / "out", 4U << 20U, [&](std::uint64_t done) { last = done; });

    EXPECT_EQ(read_file(dir / "out"), big);
    EXPECT_EQ(last, big.size());
}

TEST(IsoReader, refuses_files_over_the_limit_and_leaves_nothing) {
    const TempDir dir;
    const IsoReader iso(make_iso(dir, Names::rock_ridge, std::string(5000, 'k')));

    EXPECT_THROW(iso.extract("install.amd/vmlinuz", dir / "out", 4999), Error);
    EXPECT_THROW(static_cast<void>(iso.read("install.amd/vmlinuz", 100)), Error);
    EXPECT_FALSE(std::filesystem::exists(dir / "out"));
}

TEST(IsoReader, absence_is_not_an_error_unless_content_is_wanted) {
    const TempDir dir;
    const IsoReader iso(make_iso(dir, Names::rock_ridge));

    EXPECT_FALSE(iso.exists("casper/vmlinuz"));
    EXPECT_FALSE(iso.read_if_file("install.amd").has_value());
    EXPECT_THROW(static_cast<void>(iso.read("casper/vmlinuz")), Error);
    EXPECT_THROW(static_cast<void>(iso.list("casper")), Error);
}

TEST(IsoReader, refuses_paths_that_lead_out_and_links_in_circles) {
    const TempDir dir;
    const IsoReader iso(make_iso(dir, Names::rock_ridge));

    EXPECT_THROW(static_cast<void>(iso.stat("../etc/passwd")), Error);
    EXPECT_THROW(static_cast<void>(iso.read("round")), Error);
}

TEST(IsoReader, tells_what_is_no_iso) {
    const TempDir dir;
    write_file_atomically(dir / "empty.iso", "");
    write_file_atomically(dir / "text.iso", std::string(100000, 'x'));

    EXPECT_THAT(message_of_opening(dir / "empty.iso"), HasSubstr("is empty"));
    EXPECT_THAT(message_of_opening(dir / "text.iso"), HasSubstr("is not an ISO 9660 image"));
    EXPECT_THAT(message_of_opening(dir.path()), HasSubstr("is a directory"));
    EXPECT_THAT(message_of_opening(dir / "none.iso"), HasSubstr("no such file"));
}

TEST(IsoReader, tells_a_truncated_image_by_its_declared_size) {
    const TempDir dir;
    const auto file =
        altered(dir, Names::rock_ridge, [](std::string& bytes) { bytes.resize(bytes.size() / 2); });

    EXPECT_THAT(message_of_opening(file), HasSubstr("truncated"));
}

TEST(IsoReader, refuses_a_directory_that_contains_itself) {
    const TempDir dir;
    const auto file = altered(dir, Names::rock_ridge, [](std::string& bytes) {
        const std::size_t record = root_record(bytes, "INSTALL");
        put_little32(bytes, record + 2, little32(bytes, 16 * 2048 + 156 + 2));
    });

    EXPECT_THAT(message_of_opening(file), HasSubstr("a loop"));
}

TEST(IsoReader, refuses_directories_outside_the_image) {
    const TempDir dir;
    const auto file = altered(dir, Names::rock_ridge, [](std::string& bytes) {
        put_little32(bytes, root_record(bytes, "INSTALL") + 2, 0x7FFFFFFFU);
    });

    EXPECT_THAT(message_of_opening(file), HasSubstr("beyond the end"));
}

TEST(IsoReader, refuses_to_read_files_outside_the_image) {
    const TempDir dir;
    const auto file = altered(dir, Names::rock_ridge, [](std::string& bytes) {
        put_little32(bytes, root_record(bytes, "README") + 10, 0xFFFFFFF0U);
    });
    const IsoReader iso(file);

    EXPECT_THROW(iso.extract("readme.txt", dir / "out", ~0ULL), Error);
}

TEST(IsoReader, refuses_names_that_traverse) {
    const TempDir dir;
    const auto file = altered(dir, Names::rock_ridge, [](std::string& bytes) {
        const std::size_t at = bytes.find("readme.txt");
        ASSERT_NE(at, std::string::npos);
        bytes.replace(at, 10, "../../../x");
    });

    EXPECT_THAT(message_of_opening(file), HasSubstr("damaged"));
}

TEST(IsoReader, refuses_records_that_leave_their_sector) {
    const TempDir dir;
    const auto file = altered(dir, Names::rock_ridge, [](std::string& bytes) {
        bytes[root_record(bytes, "README") + 32] = static_cast<char>(250);
    });

    EXPECT_THAT(message_of_opening(file), HasSubstr("a directory record"));
}

}  // namespace
}  // namespace imgforge::image
