// SPDX-License-Identifier: GPL-3.0-or-later
// Against a real registry (docker-registry) on the loopback interface; skopeo as the second opinion.
#include "pipelines/fetch/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "pipelines/catalog/catalog.hpp"
#include "pipelines/exchange/import.hpp"
#include "pipelines/fetch/registry_auth.hpp"
#include "pipelines/targets/push_registry.hpp"
#include "tests/tools/targets/registry_home.hpp"

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;

namespace imgforge::targets {
namespace {

TEST_F(RegistryTest, a_generation_is_pushed_and_imported_by_another_store) {
    const store::Generation sent = publish(1);
    const RegistryPush first =
        push_to_registry(home_.store, processes_, monitor_, sent, name("golden/debian12"));
    EXPECT_TRUE(first.layer_sent);
    const RegistryPush again =
        push_to_registry(home_.store, processes_, monitor_, sent, name("golden/debian12"));
    EXPECT_EQ(again.digest, first.digest) << "reproducible";
    EXPECT_FALSE(again.layer_sent) << "the registry has it";

    const exchange::ImageSource source =
        exchange::resolve_source({.source = "oci://" + host_ + "/golden/debian12:1"}, catalog::Catalog{});
    const exchange::ImportServices services{
        .store = other_.store, .processes = processes_, .monitor = monitor_};
    const exchange::ImportResult result = exchange::import_image(source, services);
    EXPECT_EQ(result.generation.image, "debian12");
    EXPECT_EQ("sha256:" + result.origin["sha256"].get<std::string>(), first.digest);
    EXPECT_EQ(result.generation.sha256, sent.sha256) << "byte by byte";
    EXPECT_FALSE(exchange::import_image(source, services).published) << "known by the manifest's digest";
}

TEST_F(RegistryTest, latest_follows_the_current_generation_and_is_moved_without_copying) {
    push_to_registry(home_.store, processes_, monitor_, publish(1), name("debian12"));
    push_to_registry(home_.store, processes_, monitor_, publish(2), name("debian12"));
    fetch::Registry registry(name("debian12"));
    EXPECT_EQ(registry.manifest("latest")->digest, registry.manifest("2")->digest);
    EXPECT_TRUE(promote_in_registry(name("debian12"), 1));
    EXPECT_EQ(registry.manifest("latest")->digest, registry.manifest("1")->digest);
    EXPECT_FALSE(promote_in_registry(name("debian12"), 9));
    std::vector<std::string> tags = registry.tags();
    std::sort(tags.begin(), tags.end());
    EXPECT_THAT(tags, ElementsAre("1", "2", "latest"));
}

TEST_F(RegistryTest, skopeo_inspects_and_copies_what_was_pushed) {
    if (!find_program("skopeo")) {
        IMGFORGE_SKIP("tools", "skopeo is not installed");
    }
    const RegistryPush pushed =
        push_to_registry(home_.store, processes_, monitor_, publish(1), name("debian12"));
    const auto skopeo = [&](std::vector<std::string> args) {
        return run_checked(processes_, {.program = "skopeo", .args = std::move(args)}).out;
    };
    EXPECT_THAT(skopeo({"inspect", "--tls-verify=false", "docker://" + host_ + "/debian12:1"}),
                HasSubstr(pushed.digest));
    skopeo({"copy", "--quiet", "--src-tls-verify=false", "docker://" + host_ + "/debian12:1",
            "oci:" + (work_ / "copy").string() + ":1"});
}

TEST_F(RegistryTest, a_missing_image_and_a_damaged_blob_are_refused) {
    const auto problem = [&](const std::string& place) {
        try {
            exchange::import_image(exchange::resolve_source({.source = place}, catalog::Catalog{}),
                                   {.store = other_.store, .processes = processes_, .monitor = monitor_});
        } catch (const Error& error) {
            return error.describe();
        }
        return std::string("imported");
    };
    EXPECT_THAT(problem("oci://" + host_ + "/nothing:1"), HasSubstr("does not exist"));
    push_to_registry(home_.store, processes_, monitor_, publish(1), name("debian12"));
    for (const auto& entry : fs::recursive_directory_iterator(work_ / "data")) {
        if (entry.is_regular_file() && entry.file_size() > (1U << 20U)) {
            std::string bytes = read_file(entry.path());
            bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
            write_file_atomically(entry.path(), bytes);
        }
    }
    EXPECT_THAT(problem("oci://" + host_ + "/debian12:1"), HasSubstr("digest"));
    EXPECT_TRUE(other_.store.images().empty());
}

TEST(RegistryName, is_read_with_port_and_tag) {
    const fetch::RegistryName name = fetch::parse_registry_name("oci://host:5000/a/b:7");
    EXPECT_EQ(name.host, "host:5000");
    EXPECT_EQ(name.repository, "a/b");
    EXPECT_EQ(name.tag, "7");
    EXPECT_EQ(fetch::parse_registry_name("host/a").tag, "latest");
    for (const char* bad : {"host", "oci:///a", "host/", "host/A", "host/a:"}) {
        EXPECT_THROW(fetch::parse_registry_name(bad), Error) << bad;
    }
}

TEST(Challenge, names_realm_service_and_scope) {
    const auto challenge = fetch::parse_challenge(
        R"(Bearer realm="https://auth.example.org/token",service="reg",scope="repository:a/b:pull,push")");
    EXPECT_EQ(challenge.scheme, "bearer");
    EXPECT_EQ(challenge.parameters.at("realm"), "https://auth.example.org/token");
    EXPECT_EQ(challenge.parameters.at("scope"), "repository:a/b:pull,push");
    EXPECT_EQ(fetch::parse_challenge("Basic realm=\"x\"").scheme, "basic");
}

}  // namespace
}  // namespace imgforge::targets
