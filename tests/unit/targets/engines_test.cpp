// SPDX-License-Identifier: GPL-3.0-or-later
// What is pure of the targets in Ceph and OpenStack; the engines themselves are in tests/tools/engines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/ceph/pool.hpp"
#include "pipelines/targets/cloud_access.hpp"
#include "pipelines/targets/glance_push.hpp"
#include "pipelines/targets/rbd_generations.hpp"

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

std::string message_of(const std::function<void()>& body, Failure kind) {
    try {
        body();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.message();
        return error.message() + "\n" + error.hint();
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
}

TEST(PoolName, is_read_as_qemu_writes_it) {
    EXPECT_EQ(ceph::parse_pool_name("rbd:images"), (ceph::PoolName{.pool = "images"}));
    EXPECT_EQ(ceph::parse_pool_name("rbd:images:id=me:conf=/x/ceph.conf"),
              (ceph::PoolName{.pool = "images", .conf = "/x/ceph.conf", .user = "me"}));
    for (const char* const text : {"rbd:images", "rbd:images:conf=/x/ceph.conf", "rbd:i:conf=/x:id=me"}) {
        EXPECT_EQ(ceph::to_string(ceph::parse_pool_name(text)), text);
    }
    for (const char* const text : {"images", "rbd:", "rbd:a/b", "rbd:a:colour=red", "rbd:a:id=", "rbd:a:"}) {
        EXPECT_THAT(message_of([&] { ceph::parse_pool_name(text); }, Failure::usage), HasSubstr("rbd:POOL"));
    }
}

TEST(RbdGenerations, only_our_snapshots_are_generations) {
    EXPECT_EQ(generation_of_snapshot(snapshot_name(17)), 17);
    for (const char* const other : {"", "g", "g0", "g07", "g-1", "g1x", "x1", "backup", "g99999999999"}) {
        EXPECT_EQ(generation_of_snapshot(other), std::nullopt) << other;
    }
    // An image may be called like this; its objects must not be those of a generation of "debian".
    EXPECT_NE(rbd_pointer_object("debian.g1"), rbd_manifest_object("debian", 1));
}

TEST(RbdGenerations, texts_come_back_and_damaged_ones_are_refused) {
    const RbdObjects objects = {{0, "aa"}, {7, "bb"}};
    EXPECT_EQ(parse_rbd_objects(to_text(objects, 1U << 25U), "x"), objects);
    EXPECT_NE(to_text(objects, 1U << 25U), to_text(objects, 1U << 26U));
    const RbdGeneration record{.generation = 3, .digest = "d", .sha256 = "s", .size = 9, .created = 5};
    const RbdGeneration back = parse_rbd_generation(to_text(record), "x");
    EXPECT_EQ(back.generation, 3);
    EXPECT_EQ(back.digest, "d");
    EXPECT_EQ(back.size, 9U);
    for (const char* const text : {"", "[]", "{}", R"({"format": 2, "object_size": 4194304, "objects": []})",
                                   R"({"format": 1, "object_size": 4194304, "objects": [[1]]})"}) {
        EXPECT_THAT(message_of([&] { parse_rbd_objects(text, "object o"); }, Failure::integrity),
                    HasSubstr("object o"));
    }
}

TEST(GlanceRecord, says_what_the_guest_is_and_is_born_hidden) {
    store::Generation generation{.image = "web", .generation = 4, .sha256 = "abc"};
    generation.virtual_size = ByteSize::mib(4097);
    const Json recipe = {{"os", "ubuntu2404"}, {"machine", {{"firmware", "uefi-secure"}}}};
    const Json record = glance_record(generation, recipe, {.format = "raw", .visibility = "shared"});
    EXPECT_EQ(record["os_hidden"], true);
    EXPECT_EQ(record["os_distro"], "ubuntu");
    EXPECT_EQ(record["os_version"], "24.04");
    EXPECT_EQ(record["min_disk"], 5);
    EXPECT_EQ(record["hw_firmware_type"], "uefi");
    EXPECT_EQ(record["disk_format"], "raw");
    EXPECT_EQ(record["imgforge_generation"], "4");
    const Json plain = glance_record(generation, Json::object(), {});
    EXPECT_FALSE(plain.contains("os_distro"));
    EXPECT_EQ(plain["hw_firmware_type"], "bios");
}

TEST(ServiceImage, is_read_from_what_glance_answers) {
    const ServiceImage image = parse_service_image({{"id", "i1"},
                                                    {"name", "web"},
                                                    {"status", "active"},
                                                    {"os_hidden", true},
                                                    {"protected", false},
                                                    {"imgforge_generation", "12"},
                                                    {"os_hash_algo", "sha512"},
                                                    {"os_hash_value", "ff"}});
    EXPECT_EQ(image.generation, 12);
    EXPECT_TRUE(image.hidden);
    EXPECT_EQ(image.sha512, "ff");
    EXPECT_EQ(parse_service_image({{"id", "i"}, {"os_hash_algo", "md5"}, {"os_hash_value", "f"}}).sha512, "");
    EXPECT_EQ(parse_service_image({{"id", "i"}, {"imgforge_generation", "many"}}).generation, 0);
    EXPECT_THROW(parse_service_image(Json::array()), Error);
}

TEST(CloudAccess, takes_application_credentials_only) {
    const TempDir folder("clouds-test");
    const auto file = folder / "clouds.yaml";
    write_file_atomically(file, R"(clouds:
  north:
    auth: {auth_url: "https://id.example.org/", application_credential_id: i,
        application_credential_secret: sesame}
    region_name: n1
  old:
    auth: {auth_url: "https://id.example.org/v3", username: u, password: p}
)");
    const CloudAccess access = read_cloud("north", file);
    EXPECT_EQ(access.auth_url, "https://id.example.org/v3");
    EXPECT_EQ(access.region, "n1");
    EXPECT_EQ(access.interface, "public");
    EXPECT_THAT(message_of([&] { read_cloud("old", file); }, Failure::usage),
                HasSubstr("application credential"));
    EXPECT_THAT(message_of([&] { read_cloud("nort", file); }, Failure::usage),
                HasSubstr("did you mean 'north'?"));
}

TEST(CloudAccess, finds_the_image_service_of_region_and_interface) {
    const std::string answer = R"({"token": {"catalog": [{"type": "compute", "endpoints": []},
        {"type": "image", "endpoints": [
            {"interface": "internal", "region_id": "n1", "url": "http://in/"},
            {"interface": "public", "region_id": "n1", "url": "https://img.example.org/image/v2/"},
            {"interface": "public", "region": "n2", "url": "https://n2.example.org"}]}]}})";
    EXPECT_EQ(image_endpoint_of(answer, "n1", "public"), "https://img.example.org/image");
    EXPECT_EQ(image_endpoint_of(answer, "n2", "public"), "https://n2.example.org");
    EXPECT_EQ(image_endpoint_of(answer, "", "internal"), "http://in");
    EXPECT_EQ(image_endpoint_of(answer, "n3", "public"), "");
}

}  // namespace
}  // namespace imgforge::targets
