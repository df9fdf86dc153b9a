// SPDX-License-Identifier: GPL-3.0-or-later
// What vulnerability scanners look for in the two documents.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "pipelines/store/packages.hpp"

namespace imgforge::store {
namespace {

const SbomSubject subject{.image = "debian12",
                          .generation = 3,
                          .disk_sha256 = std::string(64, 'a'),
                          .package_format = "deb",
                          .distribution = "debian",
                          .release = "debian-12",
                          .created = "2026-11-21T00:00:00Z",
                          .tool_version = "1"};
const Package libssl{
    .name = "libssl3", .version = "3.0.15-1~deb12u1", .architecture = "amd64", .source = "openssl"};
const Package curl{.name = "curl", .version = "7.88.1-10", .architecture = "amd64"};

TEST(PackageUrl, names_the_distribution_and_the_source_package) {
    EXPECT_EQ(package_url(subject, libssl),
              "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl");
    EXPECT_EQ(package_url(subject, curl), "pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12");
}

TEST(Spdx, has_the_operating_system_and_where_packages_were_built_from) {
    const Json document = sbom(subject, {libssl, curl});
    std::map<std::string, Json> by_name;
    for (const Json& package : document.at("packages")) {
        by_name[package.at("name").get<std::string>()] = package;
    }
    EXPECT_EQ(by_name.at("libssl3").at("sourceInfo"), "built package from: openssl 3.0.15-1~deb12u1");
    EXPECT_EQ(by_name.at("curl").at("sourceInfo"), "built package from: curl 7.88.1-10");
    EXPECT_EQ(by_name.at("debian").at("primaryPackagePurpose"), "OPERATING-SYSTEM");
    EXPECT_EQ(by_name.at("debian").at("versionInfo"), "12");
    std::set<std::string> ids{"SPDXRef-DOCUMENT"};
    for (const Json& package : document.at("packages")) {
        EXPECT_TRUE(ids.insert(package.at("SPDXID").get<std::string>()).second);
    }
    for (const Json& relation : document.at("relationships")) {
        EXPECT_EQ(ids.count(relation.at("spdxElementId").get<std::string>()), 1U) << relation.dump();
        EXPECT_EQ(ids.count(relation.at("relatedSpdxElement").get<std::string>()), 1U) << relation.dump();
    }
}

TEST(CycloneDx, has_the_same_components_and_a_serial_number_of_the_disk) {
    const Json document = cyclonedx(subject, {libssl, curl});
    EXPECT_EQ(document.at("bomFormat"), "CycloneDX");
    EXPECT_EQ(document.at("specVersion"), "1.5");
    EXPECT_THAT(
        document.at("serialNumber").get<std::string>(),
        testing::MatchesRegex("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"));
    ASSERT_EQ(document.at("components").size(), 3U);
    EXPECT_EQ(document.at("components")[0].at("type"), "operating-system");
    EXPECT_EQ(document.at("components")[1].at("purl"), package_url(subject, libssl));
    EXPECT_EQ(document, cyclonedx(subject, {libssl, curl}));
}

}  // namespace
}  // namespace imgforge::store
