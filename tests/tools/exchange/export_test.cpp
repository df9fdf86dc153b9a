// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/export.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/image/qcow2_header.hpp"
#include "pipelines/exchange/ova.hpp"
#include "pipelines/exchange/tar_file.hpp"
#include "tests/support/problem.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/exchange/exchange_home.hpp"

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;

namespace imgforge::exchange {
namespace {

struct Member {
    std::string name;
    std::string bytes;
    unsigned mode;
    std::int64_t owner;
    bool operator==(const std::string& other) const { return name == other; }
};

std::vector<Member> members_of(const fs::path& file) {
    const Handle<archive, &archive_read_free> reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    EXPECT_EQ(archive_read_open_filename(reader.get(), file.c_str(), 65536), ARCHIVE_OK);
    std::vector<Member> members;
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
        std::string bytes(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
        EXPECT_EQ(archive_read_data(reader.get(), bytes.data(), bytes.size()),
                  static_cast<la_ssize_t>(bytes.size()));
        members.push_back({archive_entry_pathname(entry), std::move(bytes), archive_entry_perm(entry),
                           archive_entry_uid(entry)});
    }
    return members;
}

class ExportTest : public testing::Test, protected test::ExchangeHome {
protected:
    ExportDisk described(const fs::path& path, const std::string& tag = "1") const {
        const image::Qcow2Header header = image::read_qcow2_header(path);
        return {.disk = path,
                .name = "debian12",
                .tag = tag,
                .arch = "amd64",
                .virtual_size = header.virtual_size,
                .standalone = !header.backing_file.has_value()};
    }
    /// A disk whose data is split over a chain, as a generation that is stored as a difference.
    fs::path chained() {
        const fs::path base = disk("base.qcow2");
        run("qemu-img",
            {"create", "-q", "-f", "qcow2", "-b", base.string(), "-F", "qcow2", file("over.qcow2").string()});
        run("qemu-io", {"-f", "qcow2", "-c", "write -P 7 3M 128k", file("over.qcow2").string()});
        return file("over.qcow2");
    }
    ExportFile exported(const fs::path& path, ExportFormat format, const ExportOptions& options = {},
                        const std::string& name = "out") {
        return export_disk(described(path), format, outside / name, options,
                           {.processes = processes, .monitor = monitor, .work_folder = outside.path()});
    }
};

TEST_F(ExportTest, every_disk_format_stands_alone_and_reads_the_same) {
    const fs::path source = chained();
    for (const char* name : {"qcow2", "raw", "vmdk", "vhdx", "vpc", "vdi"}) {
        const ExportFile made = exported(source, parse_export_format(name), {}, name);
        EXPECT_EQ(made.sha256, sha256_file(made.path)) << name;
        EXPECT_EQ(made.size, fs::file_size(made.path)) << name;
        fs::create_directory(file("away"));
        fs::rename(file("base.qcow2"), file("away/base.qcow2"));  // nothing may be needed but the file
        const auto info = parse_json(
            run("qemu-img", {"info", "--output=json", "-f", name, made.path.string()}).out, "qemu-img");
        EXPECT_FALSE(info.contains("backing-filename")) << name;
        EXPECT_EQ(info["virtual-size"], 16U << 20U) << name;
        fs::rename(file("away/base.qcow2"), file("base.qcow2"));
        fs::remove(file("away"));
        run("qemu-img", {"compare", "-f", "qcow2", "-F", name, source.string(), made.path.string()});
    }
}

TEST_F(ExportTest, compat_gives_zlib_clusters) {
    const fs::path source = chained();
    const auto type = [&](const ExportFile& file) {
        return parse_json(run("qemu-img", {"info", "--output=json", "-f", "qcow2", file.path.string()}).out,
                          "qemu-img")["format-specific"]["data"]["compression-type"];
    };
    EXPECT_EQ(type(exported(source, ExportFormat::qcow2, {}, "zstd")), "zstd");
    EXPECT_EQ(type(exported(source, ExportFormat::qcow2, {.compat = true}, "zlib")), "zlib");
    const ExportFile again = exported(file("zstd"), ExportFormat::qcow2, {.compat = true}, "again");
    EXPECT_EQ(type(again), "zlib") << "a standalone image with zstd clusters is written anew";
}

TEST_F(ExportTest, an_existing_file_is_replaced_only_with_force) {
    const fs::path source = disk("a.qcow2");
    write_file_atomically(file("out"), "mine");
    EXPECT_THAT(test::problem([&] { exported(source, ExportFormat::raw); }), HasSubstr("--force"));
    EXPECT_EQ(read_file(file("out")), "mine");
    exported(source, ExportFormat::raw, {.force = true});
    EXPECT_EQ(fs::file_size(file("out")), 16U << 20U);
    fs::create_directory(file("folder"));
    EXPECT_THAT(test::problem([&] { exported(source, ExportFormat::raw, {.force = true}, "folder"); }),
                HasSubstr("never replaced"));
}

TEST_F(ExportTest, an_ova_has_descriptor_manifest_and_disk_in_this_order) {
    const fs::path source = chained();
    const std::vector<Member> members = members_of(exported(source, ExportFormat::ova).path);
    ASSERT_EQ(members.size(), 3U);
    EXPECT_EQ(members[0].name, "debian12.ovf");
    EXPECT_EQ(members[1].name, "debian12.mf");
    EXPECT_EQ(members[2].name, "debian12-disk1.vmdk");
    EXPECT_EQ(members[1].bytes, "SHA256(debian12.ovf)= " + sha256_hex(members[0].bytes) +
                                    "\nSHA256(debian12-disk1.vmdk)= " + sha256_hex(members[2].bytes) + "\n");
    write_file_atomically(file("disk.vmdk"), members[2].bytes);
    run("qemu-img", {"compare", "-f", "qcow2", "-F", "vmdk", source.string(), file("disk.vmdk").string()});
    EXPECT_THAT(members[0].bytes, HasSubstr("ovf:capacity=\"16777216\""));
    EXPECT_THAT(members[0].bytes, HasSubstr("ovf:size=\"" + std::to_string(members[2].bytes.size()) + "\""));
    write_file_atomically(file("a.ovf"), members[0].bytes);
    if (find_program("xmllint")) {
        run("xmllint", {"--noout", file("a.ovf").string()});
    }
}

TEST_F(ExportTest, a_container_disk_is_what_kubevirt_wants_and_the_same_each_time) {
    const fs::path source = chained();
    const ExportFile first = exported(source, ExportFormat::containerdisk, {}, "one");
    EXPECT_EQ(exported(source, ExportFormat::containerdisk, {}, "two").sha256, first.sha256);
    std::map<std::string, std::string> blobs;
    for (const Member& member : members_of(first.path)) {
        blobs[member.name] = member.bytes;
    }
    const auto blob = [&](const Json& descriptor) {
        const std::string& bytes =
            blobs.at("blobs/sha256/" + descriptor["digest"].get<std::string>().substr(7));
        EXPECT_EQ(descriptor["size"], bytes.size());
        EXPECT_EQ("sha256:" + sha256_hex(bytes), descriptor["digest"]);
        return bytes;
    };
    const Json index = Json::parse(blobs.at("index.json"));
    EXPECT_EQ(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "1");
    const Json manifest = Json::parse(blob(index["manifests"][0]));
    const Json config = Json::parse(blob(manifest["config"]));
    EXPECT_EQ(config["architecture"], "amd64");
    EXPECT_EQ(config["rootfs"]["diff_ids"], Json::array({manifest["layers"][0]["digest"]}));
    write_file_atomically(file("layer.tar"), blob(manifest["layers"][0]));
    const std::vector<Member> layer = members_of(file("layer.tar"));
    ASSERT_EQ(layer.size(), 2U);
    EXPECT_EQ(layer[0].name, "disk/");
    EXPECT_EQ(layer[0].mode, 0555U);
    EXPECT_EQ(layer[0].owner, 107);
    EXPECT_EQ(layer[1].name, "disk/disk.qcow2");
    EXPECT_EQ(layer[1].mode, 0444U);
    EXPECT_EQ(layer[1].owner, 107);
    write_file_atomically(file("inner.qcow2"), layer[1].bytes);
    EXPECT_TRUE(same_disk(source, file("inner.qcow2")));
}

TEST_F(ExportTest, skopeo_reads_the_archive) {
    if (!find_program("skopeo")) {
        IMGFORGE_SKIP("tools", "skopeo is not installed");
    }
    const ExportFile made = exported(disk("a.qcow2"), ExportFormat::containerdisk, {}, "disk.oci.tar");
    const std::string seen = run("skopeo", {"inspect", "oci-archive:" + made.path.string() + ":1"}).out;
    EXPECT_THAT(seen, HasSubstr("\"Architecture\": \"amd64\""));
}

TEST_F(ExportTest, a_cut_tar_is_noticed) {
    const ExportFile made = exported(disk("a.qcow2"), ExportFormat::containerdisk);
    cut(made.path, 1U << 20U);
    EXPECT_THROW(tar_digests(made.path), Error);
}

}  // namespace
}  // namespace imgforge::exchange
