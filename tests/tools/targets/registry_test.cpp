// SPDX-License-Identifier: GPL-3.0-or-later
// Against a real registry (docker-registry) on the loopback interface; skopeo as the second opinion.
#include "pipelines/fetch/registry.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "pipelines/catalog/catalog.hpp"
#include "pipelines/exchange/import.hpp"
#include "pipelines/fetch/registry_auth.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/push_registry.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;

namespace imgforge::targets {
namespace {

/// A port that was free a moment ago.
int free_port() {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
}

class RegistryTest : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("docker-registry")) {
            IMGFORGE_SKIP("tools", "docker-registry is not installed");
        }
        host_ = "127.0.0.1:" + std::to_string(free_port());
        write_file_atomically(work_ / "config.yml",
                              "version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: "
                              "{rootdirectory: " +
                                  (work_ / "data").string() + "}\nhttp: {addr: '" + host_ + "'}\n");
        const std::string config = (work_ / "config.yml").string();
        const std::string log = (work_ / "registry.log").string();
        server_ = ::fork();
        if (server_ == 0) {
            const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT, 0600);
            ::dup2(fd, STDOUT_FILENO);
            ::dup2(fd, STDERR_FILENO);
            ::execlp("docker-registry", "docker-registry", "serve", config.c_str(), nullptr);
            ::_exit(127);
        }
        wait_for_server();
    }
    void TearDown() override {
        if (server_ > 0) {
            ::kill(server_, SIGTERM);
            ::waitpid(server_, nullptr, 0);
        }
    }
    void wait_for_server() {
        SystemClock clock;
        wait_until(
            clock, "the registry", std::chrono::seconds(30),
            [&] {
                try {
                    fetch::Registry(name("x")).tags();
                    return true;
                } catch (const Error&) {
                    return false;
                }
            },
            [] { return std::string("no answer"); });
    }
    fetch::RegistryName name(const std::string& repository) const {
        return fetch::parse_registry_name(host_ + "/" + repository);
    }
    store::Generation publish(std::uint32_t seed) {
        const fs::path disk = work_ / ("disk" + std::to_string(seed) + ".qcow2");
        test::make_disk(processes_, disk, {.seed = seed, .data_mib = 2, .virtual_mib = 16});
        run_checked(processes_, {.program = "qemu-io",
                                 .args = {"-f", "qcow2", "-c", "write -P 0x55 510 1", "-c",
                                          "write -P 0xaa 511 1", disk.string()}});
        store::Candidate candidate{.image = "debian12", .disk = disk};
        candidate.contents.package_format = "deb";
        candidate.contents.packages = {
            {.name = "curl", .version = std::to_string(seed), .architecture = "amd64"}};
        const auto published = store::publish(home_.store, processes_, candidate, monitor_);
        return home_.store.promote("debian12", published.generation.generation);
    }

    TempDir work_{"registry-test", test::fast_folder()};
    test::StoreHome home_;
    test::StoreHome other_;
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    std::string host_;
    pid_t server_ = -1;
};

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
