// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/catalog/catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/exchange/image_source.hpp"
#include "pipelines/exchange/unpack.hpp"
#include "templates/distribution.hpp"

using testing::Contains;
using testing::HasSubstr;

namespace imgforge::catalog {
namespace {

Catalog shipped() {
    return Catalog::load({data_path("templates/catalog")});
}

std::string message_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        return error.describe();
    }
    return "no error";
}

TEST(Catalog, the_shipped_rows_name_known_systems_and_say_what_proves_them) {
    const std::vector<std::string> systems = templates::distribution_names();
    const Catalog catalog = shipped();
    EXPECT_GE(catalog.names().size(), 15U);
    for (const CatalogImage& image : catalog.images()) {
        EXPECT_THAT(systems, Contains(image.os)) << image.name;
        EXPECT_TRUE(image.url.starts_with("https://")) << image.url;
        EXPECT_EQ(image.url.find('{'), std::string::npos) << image.url;
        EXPECT_NE(image.verify(), "none") << image.name;
        EXPECT_TRUE(image.checksums.empty() || image.checksums.starts_with("https://")) << image.checksums;
    }
    for (const char* name : {"debian12", "ubuntu2404", "rocky9", "alma9", "centos-stream9", "fedora",
                             "opensuse", "alpine", "arch"}) {
        EXPECT_TRUE(catalog.find(name, "x86_64")) << name;
    }
}

TEST(Catalog, an_architecture_is_found_in_either_spelling) {
    const Catalog catalog = shipped();
    EXPECT_EQ(catalog.find("debian12", "x86_64")->arch, "amd64");
    EXPECT_EQ(catalog.find("rocky9", "arm64")->arch, "aarch64");
    EXPECT_THAT(message_of([&] { catalog.find("debian12", "s390x"); }), HasSubstr("amd64"));
    EXPECT_FALSE(catalog.find("nothing"));
}

TEST(Catalog, file_names_say_the_system) {
    const Catalog catalog = shipped();
    const std::vector<std::pair<std::string, std::string>> names{
        {"debian-12-generic-amd64.qcow2", "debian12"},
        {"jammy-server-cloudimg-amd64.img", "ubuntu2204"},
        {"noble-server-cloudimg-arm64.img", "ubuntu2404"},
        {"Rocky-9-GenericCloud.latest.x86_64.qcow2", "rocky9"},
        {"Fedora-Cloud-Base-Generic-42-1.1.x86_64.qcow2", "fedora"}};
    for (const auto& [file, os] : names) {
        ASSERT_TRUE(catalog.recognise(file)) << file;
        EXPECT_EQ(catalog.recognise(file)->os, os);
    }
    EXPECT_EQ(catalog.recognise("jammy-server-cloudimg-amd64.img")->format, "qcow2");
    EXPECT_FALSE(catalog.recognise("my-disk.qcow2"));
}

TEST(Catalog, a_users_row_replaces_the_shipped_one) {
    const TempDir own("catalog-test");
    write_file_atomically(own / "mine.yaml",
                          "images:\n  - {name: debian12, os: debian12, version: '12', arch: amd64, url: "
                          "'http://mirror/d.qcow2', checksums: SUMS}\n");
    const Catalog catalog = Catalog::load({data_path("templates/catalog"), own.path()});
    EXPECT_EQ(catalog.find("debian12", "amd64")->url, "http://mirror/d.qcow2");
    EXPECT_EQ(catalog.find("debian12", "amd64")->checksums, "http://mirror/SUMS");
    EXPECT_NE(catalog.find("debian12", "arm64")->url, "http://mirror/d.qcow2");
}

TEST(Catalog, every_wrong_row_is_reported_with_its_place) {
    const TempDir own("catalog-test");
    write_file_atomically(own / "bad.yaml",
                          "images:\n  - {name: a, arch: amd64, url: u, signature: s}\n  - {nam: b}\n");
    const std::string text = message_of([&] { Catalog::load({own.path()}); });
    EXPECT_THAT(text, HasSubstr("bad.yaml:2"));
    EXPECT_THAT(text, HasSubstr("'signature' needs 'keyring'"));
    EXPECT_THAT(text, HasSubstr("bad.yaml:3"));
    EXPECT_THAT(text, HasSubstr("'nam'"));
}

TEST(Catalog, a_missing_keyring_names_its_package) {
    const CatalogImage image{.name = "x", .keyring = "/nowhere/x.gpg", .keyring_package = "x-keyring"};
    EXPECT_THAT(message_of([&] { find_keyring(image); }), HasSubstr("x-keyring"));
}

exchange::ImageSource resolved(const exchange::SourceRequest& request) {
    return exchange::resolve_source(request, shipped());
}

TEST(ImageSource, names_files_and_urls_are_told_apart) {
    EXPECT_EQ(resolved({.source = "debian12", .arch = "amd64"}).kind, exchange::ImageSource::Kind::catalogue);
    const auto file = resolved({.source = "./debian-12-generic-amd64.qcow2"});
    EXPECT_EQ(file.kind, exchange::ImageSource::Kind::file);
    EXPECT_EQ(file.name, "debian-12-generic-amd64");
    EXPECT_EQ(file.os, "debian12");
    EXPECT_EQ(file.arch, "amd64");
    const auto url = resolved({.source = "https://example.org/a/My_Disk.RAW.xz?x=1"});
    EXPECT_EQ(url.kind, exchange::ImageSource::Kind::url);
    EXPECT_EQ(url.name, "my_disk");
    EXPECT_EQ(url.os, "");
}

TEST(ImageSource, what_contradicts_itself_is_refused) {
    EXPECT_THAT(message_of([] { resolved({.source = "debain12"}); }), HasSubstr("debian12"));
    EXPECT_THAT(message_of([] { resolved({.source = "s3://bucket/x.qcow2"}); }), HasSubstr("unknown kind"));
    EXPECT_THAT(message_of([] { resolved({.source = "a.qcow2", .signature = "a.sig"}); }),
                HasSubstr("--signature needs --keyring"));
    EXPECT_THAT(message_of([] { resolved({.source = "a.qcow2", .name = "A b"}); }),
                HasSubstr("cannot name a golden image"));
}

TEST(ImageSource, the_users_proof_replaces_the_rows) {
    const auto source = resolved({.source = "debian12", .arch = "amd64", .sha256 = std::string(64, 'a')});
    EXPECT_EQ(source.medium.sha256, std::string(64, 'a'));
    EXPECT_EQ(source.medium.checksums, "");
}

TEST(Unpack, only_compression_endings_are_taken_off) {
    EXPECT_EQ(exchange::unpacked_name("disk.raw.xz"), "disk.raw");
    EXPECT_EQ(exchange::unpacked_name("DISK.QCOW2.GZ"), "DISK.QCOW2");
    EXPECT_EQ(exchange::unpacked_name("disk.qcow2"), "disk.qcow2");
    EXPECT_EQ(exchange::unpacked_name(".xz"), ".xz");
}

}  // namespace
}  // namespace imgforge::catalog
