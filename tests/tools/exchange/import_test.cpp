// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <thread>

#include "builder/base/error.hpp"
#include "pipelines/store/seal.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/exchange/exchange_home.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;
using testing::IsEmpty;

namespace imgforge::exchange {
namespace {

class ImportTest : public testing::Test, protected test::ExchangeHome {
protected:
    /// What the import of a bad file says; the store must be as it was.
    std::string refusal(const SourceRequest& request) {
        const std::size_t before = store.images().size();
        try {
            import(request);
        } catch (const Error& error) {
            EXPECT_EQ(store.images().size(), before);
            EXPECT_THAT(leftovers("disk"), IsEmpty());
            return error.describe();
        }
        return "imported";
    }
    std::string refusal(const fs::path& path) { return refusal({.source = path.string(), .name = "disk"}); }
};

TEST_F(ImportTest, a_standalone_qcow2_becomes_the_current_generation_byte_by_byte) {
    const fs::path source = disk("debian-12-generic-amd64.qcow2");
    const ImportResult result = import({.source = source.string()});

    EXPECT_TRUE(result.published);
    EXPECT_EQ(result.generation.label(), "debian-12-generic-amd64@1");
    EXPECT_EQ(result.generation.sha256, sha256_file(source)) << "not converted";
    EXPECT_EQ(store.current("debian-12-generic-amd64")->generation, 1);
    EXPECT_TRUE(store::is_read_only(result.generation.disk()));
    const Json manifest = result.generation.manifest();
    EXPECT_EQ(manifest["recipe"]["os"], "debian12");
    EXPECT_EQ(manifest["origin"]["source"], source.string());
    EXPECT_EQ(manifest["origin"]["sha256"], sha256_file(source));
    EXPECT_EQ(manifest["origin"]["verified"], "none");
    EXPECT_THAT(leftovers("debian-12-generic-amd64"), IsEmpty());
}

TEST_F(ImportTest, every_format_and_packing_gives_the_same_disk) {
    const fs::path source = disk("plain.qcow2");
    convert(source, "raw", "a.raw");
    convert(source, "vmdk", "a.vmdk", {"-o", "subformat=streamOptimized"});
    convert(source, "vhdx", "a.vhdx");
    convert(source, "vdi", "a.vdi");
    run("xz", {"-k", file("a.raw").string()});
    run("gzip", {"-k", file("a.raw").string()});
    run("zstd", {"-q", "-k", file("plain.qcow2").string()});
    run("bzip2", {"-k", file("a.vdi").string()});
    for (const char* name :
         {"a.raw", "a.vmdk", "a.vhdx", "a.vdi", "a.raw.xz", "a.raw.gz", "plain.qcow2.zst", "a.vdi.bz2"}) {
        std::string image = std::string("from-") + name;
        const ImportResult result = import({.source = file(name).string(), .name = image});
        EXPECT_TRUE(result.published) << name;
        EXPECT_TRUE(same_disk(source, result.generation.disk())) << name;
        EXPECT_THAT(leftovers(image), IsEmpty()) << name;
    }
}

TEST_F(ImportTest, the_same_content_makes_no_second_generation) {
    const fs::path source = disk("a.qcow2");
    import(source);
    convert(source, "raw", "a.raw");
    EXPECT_FALSE(import(source).published);
    const ImportResult other_wrapping = import(file("a.raw"));
    EXPECT_FALSE(other_wrapping.published);
    EXPECT_EQ(other_wrapping.generation.generation, 1);
    const ImportResult next = import(disk("b.qcow2", 2));
    EXPECT_TRUE(next.published);
    EXPECT_EQ(next.generation.generation, 2);
    EXPECT_EQ(store.current("disk")->generation, 2);
    EXPECT_EQ(store.generations("disk").size(), 2U);
}

TEST_F(ImportTest, references_to_other_files_are_refused) {
    const fs::path base = disk("base.qcow2");
    run("qemu-img",
        {"create", "-q", "-f", "qcow2", "-b", base.string(), "-F", "qcow2", file("over.qcow2").string()});
    EXPECT_THAT(refusal(file("over.qcow2")), HasSubstr("backing file"));
    run("qemu-img", {"create", "-q", "-f", "qcow2", "-o", "data_file=" + file("d.raw").string(),
                     file("data.qcow2").string(), "8M"});
    EXPECT_THAT(refusal(file("data.qcow2")), HasSubstr("external"));
    convert(base, "vmdk", "flat.vmdk", {"-o", "subformat=monolithicFlat"});
    EXPECT_THAT(refusal(file("flat.vmdk")), HasSubstr("elsewhere"));
}

TEST_F(ImportTest, an_encrypted_image_is_refused) {
    run("qemu-img",
        {"create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=hidden", "-o",
         "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", file("luks.qcow2").string(), "8M"});
    EXPECT_THAT(refusal(file("luks.qcow2")), HasSubstr("encrypted"));
}

TEST_F(ImportTest, damaged_and_truncated_images_are_refused) {
    const fs::path source = disk("whole.qcow2");
    fs::copy_file(source, file("short.qcow2"));
    cut(file("short.qcow2"), 512U << 10U);
    EXPECT_THAT(refusal(file("short.qcow2")), HasSubstr("damaged or truncated"));
    convert(source, "raw", "short.raw");
    cut(file("short.raw"), 100);
    EXPECT_THAT(refusal(file("short.raw")), HasSubstr("not a disk image"));
    run("xz", {"-k", source.string()});
    cut(file("whole.qcow2.xz"), 1000);
    EXPECT_THAT(refusal(file("whole.qcow2.xz")), HasSubstr("cannot be unpacked"));
}

TEST_F(ImportTest, what_is_no_disk_is_refused) {
    write_file_atomically(file("page.qcow2"), "<html><body>Log in to the hotel network</body></html>");
    EXPECT_THAT(refusal(file("page.qcow2")), HasSubstr("page.qcow2"));
    write_file_atomically(file("text.raw"), std::string(4096, 'x'));
    EXPECT_THAT(refusal(file("text.raw")), HasSubstr("not a disk image"));
    write_file_atomically(file("plain.raw.xz"), std::string(4096, 'x'));
    EXPECT_THAT(refusal(file("plain.raw.xz")), HasSubstr("not compressed"));
    EXPECT_THAT(refusal(file("absent.qcow2")), HasSubstr("is not a file"));
}

/// A guest owns every byte of its raw disk, the first ones included.
TEST_F(ImportTest, a_raw_disk_that_starts_like_a_qcow2_is_never_taken_for_one) {
    write_file_atomically(file("secret"), std::string(4096, 's'));
    run("qemu-img", {"create", "-q", "-u", "-f", "qcow2", "-b", file("secret").string(), "-F", "raw",
                     file("trap.img").string(), "8M"});
    fs::copy_file(file("trap.img"), file("trap.raw"));
    EXPECT_THAT(refusal(file("trap.img")), HasSubstr("may be the raw disk of a guest"));
    EXPECT_THAT(refusal(file("trap.raw")), HasSubstr("named as raw"));
    fs::resize_file(file("trap.raw"), 1U << 20U);
    const ImportResult raw =
        import({.source = file("trap.raw").string(), .name = "disk", .format = image::DiskFormat::raw});
    EXPECT_EQ(raw.generation.virtual_size, ByteSize::mib(1))
        << "the bytes themselves, not what they refer to";
}

TEST_F(ImportTest, a_wrong_digest_is_refused) {
    const fs::path source = disk("a.qcow2");
    EXPECT_THAT(
        refusal(SourceRequest{.source = source.string(), .name = "disk", .sha256 = std::string(64, '0')}),
        HasSubstr("SHA-256"));
    EXPECT_EQ(
        import({.source = source.string(), .name = "disk", .sha256 = sha256_file(source)}).origin["verified"],
        "checksum");
}

/// A publisher on the loopback interface: image, checksum file and its signature.
class PublisherTest : public ImportTest {
protected:
    void SetUp() override {
        if (!find_program("gpg") || !find_program("gpgv")) {
            IMGFORGE_SKIP("tools", "gpg or gpgv is not installed");
        }
        gpg({"--quick-generate-key", "Test <test@example.org>", "ed25519", "sign", "never"});
        gpg({"--output", file("ring.gpg").string(), "--export"});
        publish(1);
        server_.set_mount_point("/", outside.path().string());
        server_.set_logger([this](const httplib::Request& request, const httplib::Response&) {
            fetched_ += request.method == "GET" && request.path.ends_with(".qcow2") ? 1 : 0;
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = test::serve(server_);
        make_directories(outside / "catalog.d");
        write_file_atomically(
            outside / "catalog.d/test.yaml",
            "images:\n  - {name: tiny, os: debian12, version: '1', arch: [amd64, arm64], url: '" +
                url("tiny.qcow2") + "', checksums: SUMS, signature: SUMS.sig, keyring: '" +
                file("ring.gpg").string() + "'}\n");
    }
    void TearDown() override {
        server_.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
        processes.run({.program = "gpgconf", .args = {"--homedir", keys_.path().string(), "--kill", "all"}});
    }

    void gpg(std::vector<std::string> args) {
        args.insert(args.begin(), {"--batch", "--yes", "--quiet", "--homedir", keys_.path().string(),
                                   "--passphrase", "", "--pinentry-mode", "loopback"});
        run("gpg", std::move(args));
    }
    void publish(std::uint32_t seed) {
        disk("tiny.qcow2", seed);
        write_file_atomically(file("SUMS"), sha256_file(file("tiny.qcow2")) + "  tiny.qcow2\n");
        gpg({"--output", file("SUMS.sig").string(), "--detach-sign", file("SUMS").string()});
        gpg({"--output", file("tiny.qcow2.sig").string(), "--detach-sign", file("tiny.qcow2").string()});
    }
    std::string url(const std::string& name) const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/" + name;
    }

    TempDir keys_{"import-keys"};
    httplib::Server server_;
    std::thread thread_;
    int port_ = 0;
    std::atomic<int> fetched_ = 0;
};

TEST_F(PublisherTest, a_name_of_the_catalogue_is_fetched_and_verified_by_its_signature) {
    const ImportResult result = import({.source = "tiny"});
    EXPECT_EQ(result.generation.label(), "tiny@1");
    EXPECT_EQ(result.origin["verified"], "signature");
    EXPECT_EQ(result.generation.manifest()["recipe"]["os"], "debian12");
    EXPECT_TRUE(fs::is_empty(places.media()) || !fs::exists(places.media() / "tiny.qcow2"));
    publish(2);
    EXPECT_EQ(import({.source = "tiny"}).generation.label(), "tiny@2");
    EXPECT_FALSE(import({.source = "tiny"}).published);
}

TEST_F(PublisherTest, a_changed_image_and_a_forged_checksum_file_are_refused) {
    run("qemu-io", {"-f", "qcow2", "-c", "write -P 1 1M 4k", file("tiny.qcow2").string()});
    EXPECT_THAT(refusal(SourceRequest{.source = "tiny"}), HasSubstr("SHA-256"));
    write_file_atomically(file("SUMS"), sha256_file(file("tiny.qcow2")) + "  tiny.qcow2\n");
    EXPECT_THAT(refusal(SourceRequest{.source = "tiny"}), HasSubstr("signature"));
}

TEST_F(PublisherTest, a_signature_of_the_image_itself_counts) {
    const SourceRequest request{.source = url("tiny.qcow2"),
                                .signature = url("tiny.qcow2.sig"),
                                .keyring = file("ring.gpg").string()};
    EXPECT_EQ(import(request).origin["verified"], "signature");
    run("qemu-io", {"-f", "qcow2", "-c", "write -P 1 1M 4k", file("tiny.qcow2").string()});
    EXPECT_THAT(refusal(request), HasSubstr("signature"));
}

TEST_F(PublisherTest, what_came_from_an_address_before_is_found_again) {
    const auto catalog = catalog::Catalog::load({outside / "catalog.d"});
    const ImageSource source = resolve_source({.source = "tiny"}, catalog);
    EXPECT_FALSE(imported_before(store, source));
    import({.source = "tiny"});
    ASSERT_TRUE(imported_before(store, source));
    EXPECT_EQ(imported_before(store, source)->label(), "tiny@1");
    EXPECT_EQ(fetched_, 1);
}

}  // namespace
}  // namespace imgforge::exchange
