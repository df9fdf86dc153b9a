// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/open_image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/overlay.hpp"

namespace imgforge::image {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace std::string_literals;

/// No program may be needed for a refusal: that is how a hostile image meets neither qemu nor the appliance.
class NoPrograms : public ProcessRunner {
public:
    ProcessResult run(const ProcessSpec& spec, const LineSink& /*on_line*/ = {}) override {
        throw Error(Failure::tool, "a program was started: " + spec.program);
    }
};

class OpenImage : public testing::Test {
protected:
    fs::path write(const std::string& name, const std::string& bytes) {
        write_file_atomically(folder_ / name, bytes);
        return folder_ / name;
    }
    fs::path qcow2(const std::string& name) {
        create_empty_qcow2(folder_ / name, ByteSize::mib(8));
        return folder_ / name;
    }
    std::string refusal(ImageSource source) {
        source.check_metadata = false;
        try {
            open_image(programs_, source);
        } catch (const Error& error) {
            return error.message();
        }
        return "accepted";
    }
    static std::string raw_disk() {
        std::string bytes(1024, '\0');
        bytes[510] = '\x55';
        bytes[511] = '\xaa';
        return bytes;
    }
    NoPrograms programs_;
    TempDir folder_{"unit"};
};

TEST_F(OpenImage, takes_the_format_from_a_header_that_names_nothing) {
    const auto opened = open_image(programs_, {.file = qcow2("plain.img"), .check_metadata = false});
    EXPECT_EQ(opened.format, DiskFormat::qcow2);
    EXPECT_EQ(opened.virtual_size, ByteSize::mib(8));
    EXPECT_EQ(open_image(programs_, {.file = write("a.img", raw_disk()), .check_metadata = false}).format,
              DiskFormat::raw);
}

TEST_F(OpenImage, refuses_a_backing_file_unless_it_is_stated) {
    const auto base = qcow2("base.qcow2");
    create_overlay({.overlay = folder_ / "top.qcow2", .backing = base});

    EXPECT_THAT(refusal({.file = folder_ / "top.qcow2"}), HasSubstr("only backing files that are named"));
    EXPECT_THAT(refusal({.file = folder_ / "top.qcow2", .format = DiskFormat::qcow2}),
                HasSubstr("only backing files that are named"));
    EXPECT_THAT(refusal({.file = folder_ / "top.qcow2", .backing_files = {qcow2("other.qcow2")}}),
                HasSubstr("not among the files"));
    EXPECT_EQ(refusal({.file = folder_ / "top.qcow2", .backing_files = {base}}), "accepted");
}

TEST_F(OpenImage, only_images_of_a_store_may_refer_to_the_store) {
    const TempDir outside("unit");
    const auto golden = qcow2("golden.qcow2");
    create_overlay({.overlay = folder_ / "machine.qcow2", .backing = golden});
    create_overlay({.overlay = outside / "foreign.qcow2", .backing = golden});

    EXPECT_EQ(refusal({.file = folder_ / "machine.qcow2", .stores = {folder_.path()}}), "accepted");
    EXPECT_THAT(refusal({.file = outside / "foreign.qcow2", .stores = {folder_.path()}}),
                HasSubstr("only backing files that are named"));
}

TEST_F(OpenImage, a_raw_disk_is_never_believed_a_header_its_guest_wrote) {
    const std::string header = read_file(qcow2("plain.qcow2"));

    EXPECT_THAT(refusal({.file = write("disk.raw", header)}), HasSubstr("a guest may have written"));
    std::string partitioned = header;
    partitioned.replace(510, 2, "\x55\xaa");
    EXPECT_THAT(refusal({.file = write("disk.img", partitioned)}), HasSubstr("also has a partition table"));
    const auto stated = open_image(
        programs_, {.file = folder_ / "disk.raw", .format = DiskFormat::raw, .check_metadata = false});
    EXPECT_EQ(stated.format, DiskFormat::raw);
    EXPECT_EQ(stated.virtual_size.in_bytes(), header.size());
}

TEST_F(OpenImage, a_file_that_is_not_a_disk_is_refused_without_a_program) {
    fs::create_directory(folder_ / "folder");
    ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);

    EXPECT_THAT(refusal({.file = write("notes.txt", "hello\n")}), HasSubstr("is not a disk image"));
    EXPECT_THAT(refusal({.file = write("even.txt", std::string(1024, 'x'))}),
                HasSubstr("neither a partition"));
    EXPECT_THAT(refusal({.file = write("empty.img", "")}), HasSubstr("it is empty"));
    EXPECT_THAT(refusal({.file = write("x.qcow2", raw_disk())}), HasSubstr("signature of qcow2"));
    EXPECT_THAT(refusal({.file = write("odd.img", raw_disk() + "x"), .format = DiskFormat::raw}),
                HasSubstr("not a multiple of 512"));
    EXPECT_THAT(refusal({.file = folder_ / "folder"}), HasSubstr("is a directory"));
    EXPECT_THAT(refusal({.file = folder_ / "pipe"}), HasSubstr("not a regular file"));
    EXPECT_THAT(refusal({.file = folder_ / "missing"}), HasSubstr("cannot be opened"));
}

TEST_F(OpenImage, refuses_what_is_marked_corrupt_or_encrypted) {
    std::string header = read_file(qcow2("plain.qcow2"));
    header[79] |= 2;
    EXPECT_THAT(refusal({.file = write("corrupt.qcow2", header)}), HasSubstr("marked as corrupt"));
    header[79] = 0;
    header[35] = 2;
    EXPECT_THAT(refusal({.file = write("luks.qcow2", header)}), HasSubstr("is encrypted"));
}

TEST_F(OpenImage, refuses_a_vmdk_that_keeps_its_data_elsewhere) {
    const ImageSource any{.formats = {DiskFormat::vmdk}};
    auto with = any;
    with.file = write("a.vmdk", "# Disk DescriptorFile\nRW 4 FLAT \"/etc/shadow\" 0\n");
    EXPECT_THAT(refusal(with), HasSubstr("VMDK descriptor"));
    std::string sparse = "KDMV\1\0\0\0\0\0\0\0"s + "\x10\0\0\0\0\0\0\0"s + std::string(8, '\0') +
                         "\1\0\0\0\0\0\0\0"s + "\1\0\0\0\0\0\0\0"s;
    sparse.resize(512, '\0');
    std::string descriptor = "createType=\"monolithicFlat\"\nRW 4 FLAT \"/etc/shadow\" 0\n";
    descriptor.resize(512, '\0');
    with.file = write("b.vmdk", sparse + descriptor);
    EXPECT_THAT(refusal(with), HasSubstr("extents in other files"));
}

}  // namespace
}  // namespace imgforge::image
